# %% [markdown]
# # 12 · Learning paradigms

# %% [markdown]
# **What every check asks**
#
# - *The same code on every device.* `xp.exp(x)` in place of `np.exp(x)`, with `xp` from `array_module`. New arrays come
#   from `xp` as well (`xp.zeros_like(x)`), or from `zeros` and `ones` of `dlkit`; its `asarray` takes to the device what
#   a generator has drawn. No `float(x)`, no `x.tolist()`: nothing is copied from a device.
# - *The dtype stays.* float32 inputs give float32 results, float64 inputs float64 ones.
# - *Inputs stay as they are.* Nothing is written to an array that was passed to a function or a method.
# - *Objects stand alone.* Two objects share nothing. Every call uses the inputs, the parameters and the mode of that
#   call; nothing changes between a `forward` and its `backward`. A second `backward` gives the same again. What a call
#   returned stays as it is, whatever is called later, and when parameters change.
# - *Finite*, where a docstring says it, goes for gradients as well.
# - *Any array will do*: views of other arrays, batches of one row, long sequences, large parameters.
# - *Exactness.* The largest error may be 10⁻⁶ of the largest expected number (float32: 10⁻³), or of 1 where that is
#   larger. Shapes must be equal.
# - *Limits.* A call may take 3 seconds of CPU time and 2 GB of memory; a training has limits of its own. Where speed,
#   memory or growth earn points, the limit is a multiple of what the author's solution takes, and the check names it.
# - *Data.* A model is to be trained, not brought along: what a training needs may hold 4,000 characters of numbers, texts
#   and names (the author's solutions have about 1,000), and 10,000 bytes when it is compressed. Docstrings and comments do
#   not count; they are removed before a training is graded.
# - *Imports.* Python's standard library, NumPy and dlkit: when your work is graded, nothing else can be imported.
# - *Gradients* are what the chain rule gives, computed from formulas. Differences of `forward`, complex steps and
#   `gradcheck` are no answer; nor is a `backward` that takes as long as a call of `forward` for every number. Loops are fine.

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, asarray, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist
from dlkit.training import fit, predict
from dlkit.worlds import GridWorld

# %% [markdown]
# # Learning from rewards
#
# A label says what would have been correct. A **reward** only says how good it was, often much later: a game is won
# after forty moves, and nobody says which of them were good. An *agent* is in a **state**, chooses an **action**, gets
# a reward and is in another state; it looks for a **policy**, a choice of actions, with as much reward as possible.
#
# The world of this part ships with dlkit. It has two rooms with a door between them, a start S and a goal G:
#
# ```
#    S . # . .        states    the cells that are no walls, numbered row by row: 21
#    . . # . .        actions   0 up, 1 right, 2 down, 3 left
#    . . . . .        slip      with probability 0.2 an action goes astray, half of it to each side:
#    . . # . .                  who wants to go up goes up (0.8), right (0.1) or left (0.1)
#    . . # . G        rewards   −0.02 for each step, +1 for the step that reaches the goal
# ```
#
# Walls and edges keep the agent where it is. An **episode** begins in S and ends in G, or is broken off after 100
# steps. Rewards count less the later they come: after $t$ steps $\gamma^t$ times as much, with $\gamma = 0.95$. The sum
# $G_t = r_t + \gamma r_{t+1} + \gamma^2 r_{t+2} + \dots$ is the **return** from step $t$ on. All this is a
# *Markov decision process*: what comes next depends on the state and the action, and not on what was before.
#
# A world of few states is a table, and what an agent does depends on numbers that it looks at after every step. So the
# exercises of this part run in CPU memory on every machine.

# %%
world = GridWorld()
print(world.text(), f"\n\n{world.states} states, from {world.start} to {world.goal}; from state 1 downwards:", end=" ")
print({int(s): round(float(p), 2) for s, p in enumerate(world.transitions[1, 2]) if p})


# %% [markdown]
# ## 12.12 action_values
#
# Suppose that we know the **value** $V(s)$ of every state: the mean return of who begins there and then acts in a
# certain way. What is the **action value** $Q(s, a)$, for beginning with action $a$ and continuing in that way? The mean
# reward of the first step, and then, discounted once, the mean value of where it leads. This is **Bellman's equation**:
#
# $$ Q(s, a) = R(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V(s') $$
#
# ```
#   P (states, actions, states)  ·  V (states,)   ──►  (states, actions)       the last axis of P is where it leads to
#   R (states, actions)          + γ ·             ──►  Q (states, actions)
# ```
#
# `transitions` and `rewards` of the world are $P$ and $R$.
#
# *By hand:* from a state, an action leads with probability 0.8 to a state of value 1 and with 0.2 to one of value
# −0.5; its mean reward is −0.02. With $\gamma = 0.5$: $Q = -0.02 + 0.5 \cdot (0.8 - 0.1) = 0.33$.

# %%
def action_values(values, transitions, rewards, gamma):
    """One Bellman backup:  Q(s, a) = R(s, a) + gamma · Σ P(s' | s, a) V(s')

    Shapes
        values  (states,)      transitions  (states, actions, states), the next state last
        rewards  (states, actions)      result  (states, actions), a new array

    Source: Bellman, Dynamic Programming (1957); Sutton & Barto, Reinforcement Learning (2018), equation 4.6.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(action_values)


# %% [markdown]
# ## 12.13 value_iteration
#
# In the **best** policy, every state takes the action with the greatest value: $V(s) = \max_a Q(s, a)$. With Bellman's
# equation, $V$ stands on both sides:
#
# $$ V(s) = \max_a \Big( R(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V(s') \Big) $$
#
# Begin with zeros and apply the right side again and again. Each **sweep** brings $V$ nearer to the solution: if two
# tables differ by at most $d$, then after a sweep by at most $\gamma d$, since a mean and a maximum make no difference
# larger. So it converges, from any beginning, and errors shrink by $\gamma$ in each sweep.
#
# Stop after the first sweep in which no value changes by more than the tolerance, and after `sweeps` sweeps (one or
# more) in any case. A sweep computes *all* new values
# from those of the sweep before. (Whoever writes each new value into the table at once converges too, but with other
# numbers on the way.)
#
# *By hand:* two states, G with value 0 for ever, and A with two actions: "stay" with reward −0.1, "go" to G with
# reward 1. With $\gamma = 0.5$, sweep 1: $Q(A) = (-0.1, 1)$, $V(A) = 1$. Sweep 2: $Q(A) = (-0.1 + 0.5, 1) = (0.4, 1)$;
# nothing changes, stop. The policy is "go".

# %%
def value_iteration(transitions, rewards, gamma, *, tolerance=1e-9, sweeps=1000):
    """The values of the best policy and the policy: (values, policy)

    Shapes
        transitions  (states, actions, states)      rewards  (states, actions)
        values  (states,), floats      policy  (states,), integers: the action of each state
    Values begin with 0.  A sweep computes all new values from all old ones.  The last sweep is the first one in which no
    value changes by more than tolerance, or number `sweeps`, and the values are those after it.  The policy takes the action whose value,
    computed from these values, is the greatest; of equal ones the first.      gamma: from 0 to below 1
    sweeps: 1 or more

    Source: Bellman, A Markovian Decision Process (1957); Sutton & Barto, Reinforcement Learning (2018), section 4.4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(value_iteration)

# %%
with when_written():
    best, policy = value_iteration(world.transitions, world.rewards, 0.95)
    print(world.text(policy), f"\nworth {best[world.start]:.3f} at the start")
    plotting.grid_world(world, best, policy)
    plt.show()


# %% [markdown]
# In the left room all arrows lead to the row of the door, in the right one to the goal. (Where two ways are equally long,
# slips decide: which one has a wall beside it that does no harm?)

# %% [markdown]
# ## 12.14 policy_values
#
# How good is a policy that is *not* the best, say one that somebody has learned? Let $\pi(a \mid s)$ be the probability
# with which it chooses $a$ in $s$. Averaged over its choices, the world has the transitions $P_\pi$ and the rewards
# $R_\pi$,
#
# $$ P_\pi(s, s') = \sum_a \pi(a \mid s)\, P(s' \mid s, a), \qquad R_\pi(s) = \sum_a \pi(a \mid s)\, R(s, a) $$
#
# and Bellman's equation has no maximum any more: it is linear, and can be solved at once.
#
# $$ V = R_\pi + \gamma P_\pi V \quad\Longleftrightarrow\quad (I - \gamma P_\pi)\, V = R_\pi $$
#
# *By hand:* the two states from above, and a policy that chooses "stay" and "go" with ½ each: $R_\pi(A) = 0.45$, and it
# stays in A with ½, so $V(A) = 0.45 + 0.5 \cdot 0.5\, V(A)$, which gives $V(A) = 0.6$.

# %%
def policy_values(policy, transitions, rewards, gamma):
    """The value of every state under a policy that draws its actions, (states,), exactly (from a linear system)

    Shapes
        policy  (states, actions), probabilities; rows have the sum 1
        transitions  (states, actions, states)      rewards  (states, actions)
    gamma: from 0 to below 1

    Source: Sutton & Barto, Reinforcement Learning (2018), section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(policy_values)


# %% [markdown]
# With it we can say *how far* a policy has come, from choosing evenly (0) to the best (1):
#
# $$ \text{way} = \frac{V - V_\text{random}}{V^* - V_\text{random}} \qquad\text{at the start} $$

# %%
@cache
def both_ends():
    """The value of the start under the policy that chooses evenly, and under the best; given"""
    even = policy_values(np.full((world.states, 4), 0.25), world.transitions, world.rewards, 0.95)
    return even[world.start], value_iteration(world.transitions, world.rewards, 0.95)[0][world.start]


def way(actions):
    """How far a policy, an action for each state, has come from choosing evenly to the best; given"""
    value = policy_values(np.eye(4)[actions], world.transitions, world.rewards, 0.95)[world.start]
    low, high = both_ends()
    return float((value - low) / (high - low))


with when_written():
    print(
        "even and best: {:.3f} and {:.3f}".format(*both_ends()), f"; always to the right: {way(np.ones(21, int)):.2f}"
    )


# %% [markdown]
# ## 12.15 QLearning
#
# So far the world was known. Now it is not: the agent can only *step* and see what happens. **Q-learning** keeps a table
# $Q(s, a)$ and corrects one entry after every step. After action $a$ in $s$ with reward $r$, it is in $s'$, and can say
# better what $Q(s, a)$ should be:
#
# $$ \text{target} = r + \gamma \max_{a'} Q(s', a'), \qquad
#    Q(s, a) \leftarrow Q(s, a) + \alpha\,\big(\text{target} - Q(s, a)\big) $$
#
# In a goal nothing follows, so there the target is $r$ alone. But an episode that was *broken off* after its last step
# has not reached a goal: from $s'$ it would have continued, and $Q(s')$ counts.
#
# **The rate.** The target is noisy: the next state is drawn. A constant $\alpha$ would follow that noise for ever. So
# let $\alpha = n^{-0.6}$, where $n$ is how often action $a$ was taken in $s$, this time included: 1 at first, then
# 0.66, 0.52, …: at first it forgets the zeros, later it averages.
#
# **Exploring.** An agent that always takes the action that seems best never finds out what the others would bring. With
# the probability $\varepsilon$ take *any* action, each with the same probability (the best is among them); else the one
# with the greatest $Q$, and where several are equally good, any of these. ($\varepsilon$*-greedy.*) In the beginning all
# are zero: if equal ones always gave "up", the agent would walk up for a long time.
#
# Note that the target takes the maximum over the next actions, though the agent may not take that one. So it learns the
# values of the *best* policy while it follows another one (*off-policy*).
#
# *By hand:* $Q(s) = (0, 0.5)$, $Q(s') = (0.2, 0.4)$, $\gamma = 0.5$; action 1 in $s$, taken for the second time, gives
# $r = -0.1$. The target is $-0.1 + 0.5 \cdot 0.4 = 0.1$, $\alpha = 2^{-0.6} = 0.66$, and
# $Q(s, 1) = 0.5 + 0.66 \cdot (0.1 - 0.5) = 0.236$. If $s'$ were the goal, the target would be −0.1.

# %%
class QLearning:
    """A table of action values that is corrected after every step, with epsilon-greedy choices

    Q  (states, actions), floats, 0 at first      visits  (states, actions), how often each action was taken, integers
    epsilon: the probability with which act draws among all actions      power: of the rate, visits^(−power)

    Source: Watkins & Dayan, Q-learning (1992); the rate as in Even-Dar & Mansour, Learning Rates for Q-learning (2003).
    """

    def __init__(self, states, actions, *, gamma=0.95, epsilon=0.2, power=0.6):
        self.gamma, self.epsilon, self.power = gamma, epsilon, power
        self.Q = np.zeros((states, actions))
        self.visits = np.zeros((states, actions), int)

    def act(self, state, *, rng):
        """Choose an action: with probability epsilon any, else one with the greatest Q; equal ones are drawn evenly"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def update(self, state, action, reward, next_state, done):
        """Count the visit, and correct Q for one step; done: whether next_state is a goal, after which nothing follows"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def learn(self, world, episodes, *, rng):
        """Live through episodes, correct Q after each step; a list with the sum of the rewards of each episode

        world: has start, limit (steps after which an episode is broken off), and
        step(state, action, rng=rng), which returns (next_state, reward, done)
        A further call continues with the table as it is.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(QLearning)

# %%
with when_written():
    rng = np.random.default_rng(0)
    agent = QLearning(world.states, world.actions)
    pictures = []
    for episodes in (5, 45, 450):
        agent.learn(world, episodes, rng=rng)
        pictures.append((agent.visits.sum(), agent.Q.copy()))
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for ax, (steps, Q) in zip(axes, pictures, strict=True):
        plotting.grid_world(world, Q.max(axis=1), Q.argmax(axis=1), ax=ax)
        ax.set_title(f"after {steps:,} steps: way {way(Q.argmax(axis=1)):.2f}")
    plt.show()


# %% [markdown]
# Values spread from the goal backwards, one step with each visit. Where the policy of the agent seldom leads, arrows
# may be wrong even at the end: it does not harm, and nobody corrects it.

# %% [markdown]
# ## 12.16 discounted_returns
#
# The other way to learn from rewards has no table of action values: it changes the *policy* itself, by a gradient. It
# needs the return from each step of an episode to its end:
#
# $$ G_t = \sum_{k \ge t} \gamma^{k - t}\, r_k = r_t + \gamma\, G_{t+1}, \qquad G_T = 0 $$
#
# The right form takes one pass from the end to the beginning. (The sum $\sum_k \gamma^k r_k$, cumulated from the end and
# divided by $\gamma^t$, is the same on paper. But $0.5^{2000}$ is 0 on every machine.)
#
# *By hand:* the rewards $(-1, 0, 2)$ with $\gamma = 0.5$: $G_2 = 2$, $G_1 = 0 + 1 = 1$, $G_0 = -1 + 0.5 = -0.5$.

# %%
def discounted_returns(rewards, gamma):
    """The return from each step on:  G(t) = r(t) + gamma · G(t + 1)

    Shapes
        rewards, result  (steps,), floats; one step or more, also thousands
    gamma: from 0 to 1, both included

    Source: Sutton & Barto, Reinforcement Learning (2018), equation 3.9.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(discounted_returns)


# %% [markdown]
# ## 12.17 policy_gradient
#
# Let the policy be a softmax of scores: a table $\theta$ (states, actions) with
# $\pi(a \mid s) = e^{\theta_{sa}} / \sum_{a'} e^{\theta_{sa'}}$. We want to climb: which change of $\theta$ increases the
# mean return $J$? The return is a sum over episodes $\tau$, each with its probability, $J = \sum_\tau p(\tau) G(\tau)$.
# Rewards do not depend on $\theta$; probabilities do. With $\nabla p = p\, \nabla \log p$,
#
# $$ \nabla J = \sum_\tau p(\tau)\, G(\tau)\, \nabla \log p(\tau) = \mathrm{E}\big[\, G\, \nabla \log p(\tau)\, \big] $$
#
# which is a *mean*, so that episodes that were lived through estimate it. The probability of an episode is a product of
# the policy's choices and of the world's, and in the logarithm the world's are terms without $\theta$:
#
# $$ \nabla \log p(\tau) = \sum_t \nabla \log \pi(a_t \mid s_t) $$
#
# An action cannot change rewards that came before it, so each term is weighted by the return *from its step on*. And any
# number that does not depend on the action may be subtracted, for example an estimate $b(s_t)$ of that return, since
# $\sum_a \pi(a)\, \nabla \log \pi(a) = \nabla \sum_a \pi(a) = \nabla 1 = 0$: it changes no mean, but the spread. What is
# left is the **advantage** $A_t = G_t - b(s_t)$: was it better than usual?
#
# $$ g = \sum_t A_t\, \nabla \log \pi(a_t \mid s_t), \qquad
#    \frac{\partial \log \pi(a \mid s)}{\partial \theta_{sk}} = [k = a] - \pi(k \mid s) $$
#
# The last formula is the gradient of the cross-entropy from assignment 03 with the other sign: one-hot minus softmax. It
# goes to the row $s_t$ of $g$. Where a state occurs several times in an episode, its contributions **add up**.
#
# (Exactly, the term of step $t$ has a factor $\gamma^t$. As in nearly all programs, it is left out: otherwise late steps
# would hardly learn.)
#
# *By hand:* one state, two actions, $\theta = (0, 0)$, so $\pi = (½, ½)$. Two steps, actions 0 and 1, advantages 2 and
# −1: $g = 2 \cdot (½, -½) - 1 \cdot (-½, ½) = (1.5, -1.5)$. Both steps say the same: more of action 0.

# %%
def policy_gradient(theta, states, actions, advantages):
    """The direction in which an episode's steps push a softmax policy:  Σₜ A(t) ∇ log π(a(t) | s(t))

    Shapes
        theta, result  (states, actions): scores of any size, and the gradient at each, to be added
        states, actions  (steps,), integers; a state may occur many times      advantages  (steps,)

    Source: Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning (1992).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(policy_gradient)


# %% [markdown]
# ## 12.18 Reinforce
#
# **REINFORCE** lives through an episode with its policy, computes returns, advantages and the gradient, and takes a
# step *up*. The baseline $b(s)$ is learned beside it: after the episode, in the order of its steps,
#
# $$ b(s_t) \leftarrow b(s_t) + \beta\, \big(G_t - b(s_t)\big) $$
#
# The advantages of an episode use the baseline *before* it. With $\beta = 0$ the baseline stays 0: no baseline.
#
# Note what is different from Q-learning: nothing is learned before the episode is over, the agent learns about the
# policy that it follows (*on-policy*), and there is no $\varepsilon$: as long as the probabilities are not 0 or 1, it
# explores by itself.
#
# *By hand:* one state, two actions, $\theta = 0$, $b = 0.5$, $\gamma = 1$, learning rate 1, $\beta = 0.1$. An episode
# with actions 0, 1 and rewards 1, 1: $G = (2, 1)$, $A = (1.5, 0.5)$,
# $g = 1.5 \cdot (½, -½) + 0.5 \cdot (-½, ½) = (0.5, -0.5)$, which is the new $\theta$. The baseline: $0.5 + 0.1 \cdot
# (2 - 0.5) = 0.65$, then $0.65 + 0.1 \cdot (1 - 0.65) = 0.685$.

# %%
class Reinforce:
    """A softmax policy that climbs along the policy gradient of each episode, with a learned baseline

    theta  (states, actions), the scores of the policy, 0 at first      baseline  (states,), 0 at first
    lr: of the policy      baseline_lr: of the baseline, 0 for none

    Source: Williams (1992); Sutton & Barto, Reinforcement Learning (2018), section 13.4.
    """

    def __init__(self, states, actions, *, gamma=0.95, lr=0.5, baseline_lr=0.1):
        self.gamma, self.lr, self.baseline_lr = gamma, lr, baseline_lr
        self.theta = np.zeros((states, actions))
        self.baseline = np.zeros(states)

    def act(self, state, *, rng):
        """Draw an action with the probabilities of the policy, the softmax of theta in that state"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def update(self, states, actions, rewards):
        """Learn from one episode: its states, actions and rewards, arrays (steps,); first the policy, then the baseline"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def learn(self, world, episodes, *, rng):
        """Live through episodes and update after each; a list with the sum of the rewards of each episode

        world: as for QLearning.learn.  A further call continues with what was learned.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Reinforce)


# %% [markdown]
# What does the baseline buy? Eight agents each, 200 episodes; the line is the median over the agents of how far their
# greedy policy has come, the band reaches from a quarter to three quarters of them.

# %%
@cache
def ways_of_reinforce(baseline_lr, lr, agents=8, episodes=200, every=5):
    """How far agents have come (agents, measurements); given"""
    found = []
    for seed in range(agents):
        rng, agent = np.random.default_rng(seed), Reinforce(world.states, 4, lr=lr, baseline_lr=baseline_lr)
        found.append([])
        for _ in range(episodes // every):
            agent.learn(world, every, rng=rng)
            found[-1].append(way(agent.theta.argmax(axis=1)))
    return np.array(found)


with when_written():
    ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")[1]
    for i, (name, beta) in enumerate({"with a baseline": 0.1, "without": 0.0}.items()):
        found = ways_of_reinforce(beta, 0.3)
        x = np.arange(1, found.shape[1] + 1) * 5
        low, middle, high = np.quantile(found, (0.25, 0.5, 0.75), axis=0)
        ax.fill_between(x, low, high, color=plotting.COLOURS[i], alpha=0.2, lw=0)
        ax.plot(x, middle, color=plotting.COLOURS[i], label=name)
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.set(xlabel="episodes", ylabel="way from even to best", ylim=(-0.1, 1.05))
    ax.legend(frameon=False, loc="lower right")
    plt.show()


# %% [markdown]
# Without a baseline every action of an episode that reached the goal is pushed up, good and bad ones alike, and each
# action of a long one is pushed down: the mean is correct, but a single episode says little. The advantage asks a
# better question: was it better than usual *from here*?

# %% [markdown]
# ## 12.19 Learning a policy
#
# The first capstone of this part. Write `learned_policy`: an agent in a world that it does not know, which may act for
# 1,000 episodes, and then says what it would do in each state. Take whichever of your agents you like. It is graded in a
# world of two rooms drawn anew: of other sizes, turned or mirrored, with the door elsewhere, so the policy of the
# picture above does not fit. The **way** at the start has to be at least 0.95, in one of up to three attempts.

# %%
def learned_policy(world, *, rng):
    """Learn to act in a world by at most 1,000 episodes of world.limit steps; the action of each state (states,), integers

    world: has states, actions, start, limit and step(state, action, rng=rng), which returns (next_state, reward, done);
    rewards count gamma = 0.95 times as much with each step

    What the world holds beside these names is not part of the task: all that is known about it comes from steps.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(learned_policy)

# %%
with when_written():
    learned = learned_policy(world, rng=np.random.default_rng(1))
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    for ax, (name, actions) in zip(axes, {"learned": learned, "best": policy}.items(), strict=True):
        values = policy_values(np.eye(4)[actions], world.transitions, world.rewards, 0.95)
        plotting.grid_world(world, values, actions, ax=ax)
        ax.set_title(f"{name}: {values[world.start]:.3f} at the start")
    plt.show()


# %% [markdown]
# # Learning without labels
#
# Images are cheap; labels are not. In **self-supervised** learning the data make a task of their own, a *pretext*, whose
# labels cost nothing: how far was this image turned? Which of these two hundred images is the other view of the same
# one? Nobody needs the answers. But to find them, a network has to learn what is in the images, and its **features** can
# then serve a task with few labels.
#
# ## 12.20 rotation_pretext
#
# Turn each image by a quarter turn, two, three or none, drawn for each, and let a network say which. To see that a cat
# lies on its back, it has to recognize the cat.
#
# ```
#   x (batch, …, size, size)  ──►  images (batch, …, size, size),  turns (batch,) from 0 to 3
#
#     1 2                             2 4
#     3 4      turned by 1:           1 3
# ```
#
# The turns are counterclockwise, as `numpy.rot90` does it in the plane of the last two axes.
#
# *By hand:* the image $\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$ turned once is
# $\begin{pmatrix} 2 & 4 \\ 1 & 3 \end{pmatrix}$, twice $\begin{pmatrix} 4 & 3 \\ 2 & 1 \end{pmatrix}$.

# %%
def rotation_pretext(x, *, rng):
    """Turn each image by 0, 1, 2 or 3 quarter turns counterclockwise, each equally likely: (images, turns)

    Shapes
        x, images  (batch, …, size, size), of one dtype; images is a new array      turns  (batch,), integers from 0 to 3
    Each image has a turn of its own.

    Source: Gidaris, Singh & Komodakis, Unsupervised Representation Learning by Predicting Image Rotations (2018).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(rotation_pretext)


# %% [markdown]
# ## 12.21 UnitLength
#
# The other pretext compares features by their *direction*: the cosine of two vectors is the inner product of vectors of
# length 1. So features are first divided by their length.
#
# $$ y = \frac{x}{\lVert x \rVert} $$
#
# **The backward pass.** With $n = \lVert x \rVert$ and $\partial n / \partial x_j = x_j / n = y_j$:
#
# $$ \frac{\partial y_i}{\partial x_j} = \frac{[i = j]}{n} - \frac{x_i}{n^2}\, y_j = \frac{[i = j] - y_i\, y_j}{n}
#    \qquad\Longrightarrow\qquad dx = \frac{dy - y\,(y \cdot dy)}{n} $$
#
# Geometrically: of $dy$, what points along $y$ is taken away, since no change of $x$ along itself changes its direction;
# the rest is divided by the length. Each row for itself.
#
# A row of zeros has no direction. Such rows occur where a ReLU has silenced all features: let them give zeros, and the
# gradient zero.
#
# *By hand:* $x = (3\;\;4)$, $n = 5$, $y = (0.6\;\;0.8)$. With $dy = (1\;\;0)$: $y \cdot dy = 0.6$, and
# $dx = ((1\;\;0) - 0.6 \cdot (0.6\;\;0.8)) / 5 = (0.128\;\; -0.096)$, which is orthogonal to $x$.

# %%
class UnitLength(Layer):
    """Rows divided by their length:  y = x / ‖x‖

    Shapes
        x, y  (batch, features)
    A row of zeros gives zeros, and gets the gradient 0.

    Source: Wang et al., NormFace (2017), section 3.3.
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(UnitLength)


# %% [markdown]
# ## 12.22 NTXent
#
# **Contrastive learning.** Distort each of $n$ images twice, at random. The two *views* of an image should have similar
# features, and views of different images should not. Each of the $2n$ views has to find its partner among the $2n - 1$
# others: a classification by cosines, with a **temperature** $T$,
#
# $$ s_{ij} = \frac{u_i \cdot u_j}{T}, \qquad
#    L = \frac{1}{2n} \sum_{i=1}^{2n} \Big( -s_{i, j(i)} + \log \sum_{k \neq i} e^{s_{ik}} \Big) $$
#
# where $u$ are the rows of both views, one below the other, with length 1, and $j(i)$ is the row of the partner of $i$.
#
# ```
#   a (n, features) ─┐ one below the other       u (2n, features)       s (2n, 2n)
#                    ├──► z (2n, features) ──►  ‖ ‖ = 1  ──► u uᵀ / T ──►  −∞  .   .   +   .   .
#   b (n, features) ─┘                                                      .  −∞   .   .   +   .
#                                                     − ∞: itself           .   .  −∞   .   .   +
#                                                       +: the partner      +   .   .  −∞   .   .
# ```
#
# A view is most similar to itself: $s_{ii} = 1/T$. It must not be in its own denominator, so set it to $-\infty$ *before*
# the softmax. Subtracting $e^{1/T}$ afterwards is the same on paper only: with $T = 0.02$ it is $5 \cdot 10^{21}$, and the
# others, near 1, are lost in its rounding.
#
# **The backward pass**, in three steps.
#
# 1. As always with a softmax and a cross-entropy: $ds = (p - \text{onehot}) / 2n$, where $p$ is the softmax of each row
#    (0 on the diagonal) and the one is at the partner.
# 2. $s = u u^\top / T$ contains $u$ twice, as row $i$ and as column $j$:
#    $du_i = \frac1T \sum_j (ds_{ij} + ds_{ji})\, u_j$, or $du = (ds + ds^\top)\, u / T$.
# 3. Back through the lengths: that is `UnitLength`. The first $n$ rows are $da$, the others $db$.
#
# *By hand:* $n = 1$: each view has one other view to choose from, so $L = 0$. With $n = 2$, $T = 1$ and the four rows
# $u = (1, 0), (0, 1), (1, 0), (0, 1)$, where rows 0 and 2 are partners, and 1 and 3: each row sees its partner with
# $s = 1$ and two others with $s = 0$: $L = \log(e + 2) - 1 = 0.551$.

# %%
class NTXent(Loss):
    """Each view has to find the other view of the same image, by cosines (normalized temperature-scaled cross-entropy)

    Shapes
        a, b  (batch, features): features of the two views of each image, of any length
        backward  (da, db)
    The loss is the mean over all 2 · batch views.

    Source: Chen, Kornblith, Norouzi & Hinton, A Simple Framework for Contrastive Learning of Visual Representations
    (2020), equation 1.
    """

    def __init__(self, temperature=0.5):
        self.temperature = temperature

    def forward(self, a, b):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(NTXent)


# %% [markdown]
# ## 12.23 contrastive_step
#
# Between images and loss stand two networks: an **encoder**, whose features we want, and a small **head** behind it,
# whose outputs the loss compares. (Features directly before the loss forget what the views do not share, the position
# for example. With a head, the encoder may keep it.)
#
# ```
#   a (n, …) ─┐                                                        ┌─► first n rows ─┐
#             ├─► (2n, …) ─► encoder ─► features ─► head ─► (2n, f) ───┤                 ├─► loss
#   b (n, …) ─┘                                                        └─► last n rows ──┘
# ```
#
# A trap: a layer remembers its *last* call only. Whoever sends $a$ through the encoder and then $b$, has lost what the
# backward pass of $a$ needs. So send both views through at once, as one batch of $2n$ rows. And the gradients of the
# loss, $da$ and $db$, go back the same way, one below the other.
#
# *By hand:* an encoder $f = w x$ with $w = 2$, a head that changes nothing, $a = 1$, $b = 3$, and the loss $(f_a -
# f_b)^2$: $f = (2, 6)$, loss 16, $da = -8$, $db = 8$, $dw = -8 \cdot 1 + 8 \cdot 3 = 16$. With the rate 0.01 the new
# $w$ is 1.84.

# %%
def contrastive_step(a, b, *, encoder, head, loss, optimizer):
    """One step of contrastive learning: two views of a batch through encoder and head, loss, backward, step; the loss

    Shapes
        a, b  (batch, …), two views of the same images
    encoder, head: layers, both moved by the optimizer.  loss: forward(a, b) of the head's outputs, backward() gives
    (da, db).  Gradients that were there before do not count.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(contrastive_step)


# %% [markdown]
# ## 12.24 CLIPLoss
#
# The two views may be of different kinds: a picture and the sentence below it. **CLIP** has an encoder for each, and in
# a batch of $n$ pairs each picture has to find its sentence, and each sentence its picture. Here a row is not compared
# with rows of its own kind, so there is no diagonal to be hidden: the diagonal is where the pairs are.
#
# $$ c_{ij} = u_i \cdot v_j, \qquad s = e^{\tau} c, \qquad
#    L = \frac{1}{2n} \sum_i \Big[ \big(\log \textstyle\sum_j e^{s_{ij}} - s_{ii}\big)
#      + \big(\log \textstyle\sum_j e^{s_{ji}} - s_{ii}\big) \Big] $$
#
# once by rows, once by columns. The temperature is learned: its parameter is the logarithm $\tau$ of the scale, which
# begins with $\log(1/0.07)$. A scale above 100 would make training unstable: $e^\tau$ is limited to 100.
#
# **The backward pass.** By rows and by columns there is a softmax, $p$ and $q$, so
# $ds = \frac{1}{2n}(p - I + q - I)$. Then, with the scale $e = \min(e^\tau, 100)$:
#
# $$ du = e\, ds\, v, \qquad dv = e\, ds^\top u, \qquad
#    d\tau = e \sum_{ij} ds_{ij}\, c_{ij} \;\; (0 \text{ where } e^\tau > 100) $$
#
# and $du$, $dv$ go back through the lengths.
#
# *By hand:* two pairs with $u = v = (1, 0), (0, 1)$ and $\tau = 0$: $c = I$, each row and column has the softmax
# $(e, 1) / (e + 1) = (0.731, 0.269)$, $L = 0.313$. $ds_{11} = \frac14 (0.731 - 1 + 0.731 - 1) = -0.134$, and
# $d\tau = 2 \cdot (-0.134) \cdot 1 = -0.269$: a larger scale would be better.

# %%
class CLIPLoss(Layer):
    """Each image has to find its text and each text its image, by cosines times a learned scale: a loss with a parameter

    Shapes
        images, texts  (batch, features), of any length; row i of both belongs together
        log_scale  (1,): the logarithm of the scale, which is limited to 100
        forward gives one number, the mean over both directions and the batch; backward(), without an argument, gives
        (dimages, dtexts), and adds to log_scale.grad: 0 where the scale is limited

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision (2021), figure 3.
    """

    def __init__(self):
        self.log_scale = Parameter(zeros(1) + np.log(1 / 0.07))

    def forward(self, images, texts):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(CLIPLoss)


# %% [markdown]
# ## 12.25 pseudo_label
#
# **Semi-supervised** learning has few labelled rows and many without labels. The simplest way: train on the labelled
# ones, let the model label the others, and believe it where it is sure. **Pseudo-labels** are the classes of the rows
# whose greatest probability reaches a threshold, and training continues with them as if they were true.
#
# *By hand:* probabilities $(0.7, 0.3)$, $(0.45, 0.55)$, $(0.1, 0.9)$ with the threshold 0.7: rows 0 and 2, with the
# labels 0 and 1.
#
# (The danger is plain: errors in which the model is sure are learned as well. A high threshold, and distortions of the
# images that are trained with, keep it small.)

# %%
def pseudo_label(scores, threshold):
    """The rows that a model is sure of, and their classes, from scores before the softmax: (rows, labels)

    Shapes
        scores  (batch, classes), of any size
        rows  (sure,), integers in rising order: where the greatest probability is at least threshold
        labels  (sure,), integers: the class of that probability, of equal ones the first
    There may be no such row.

    Source: Lee, Pseudo-Label (2013); Sohn et al., FixMatch (2020), equation 4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(pseudo_label)

# %% [markdown]
# ## 12.26 Labels for 50 images
#
# The second capstone: 4,000 images and no label. Write `pretrained_encoder`: it trains an encoder on the images alone
# and returns it. Its features are judged as is usual, by **linear evaluation**: a linear classifier is fitted to the
# features of 50 labelled images, five of each class, and classifies the others, which the encoder has never seen. That
# is done for 20 drawings of the 50. The same classifier on the *pixels* is right in about 61 %; the mean on your
# features has to be better by at least 4 percent points, in one of up to three attempts. Training may take 20 seconds of CPU
# time (the author's takes about 7). Remarks:
#
# - Images are MNIST at 14 × 14, (batch, 1, 14, 14), float32. All are changed in the same way, anew for each attempt:
#   rotated, mirrored, bent a little, each pixel mixed with its neighbours.
# - Features are the output of the encoder in evaluation mode, (batch, features), at most 128 for each image.
# - An encoder of two `Linear` layers with ReLU, 256 and 64 units, and a head `Linear` with 32; NT-Xent at $T = 0.3$;
#   batches of 128, AdamW at 0.003 falling to 0; 40 epochs: that is what the author does. A convolution is better in the
#   same number of epochs, but each takes five times as long.
# - What the views leave unchanged is what the features will be about. `distorted` turns, stretches, slants and shifts
#   images, blots out a square, and adds noise.

# %%
Flatten, Linear, ReLU = earlier("layers.Flatten"), earlier("layers.Linear"), earlier("layers.ReLU")
Sequential, SoftmaxCrossEntropy = earlier("layers.Sequential"), earlier("losses.SoftmaxCrossEntropy")
AdamW = earlier("optimizers.AdamW")


# %%
def distorted(x, *, rng):
    """Another view of each image (batch, 1, size, size): turned, stretched, slanted, shifted, with a hole; given"""
    n, size = len(x), x.shape[-1]
    middle, every = (size - 1) / 2, np.arange(size)
    turn, slant = rng.uniform(-0.35, 0.35, n), rng.uniform(-0.15, 0.15, n)
    stretch = np.exp(rng.uniform(-0.15, 0.15, (n, 2)))
    maps = np.array([[np.cos(turn), slant - np.sin(turn)], [np.sin(turn), np.cos(turn)]]).transpose(2, 0, 1)
    grid = np.stack(np.meshgrid(every - middle, every - middle, indexing="ij")).reshape(2, -1)
    at = (maps * stretch[:, None]) @ grid + rng.uniform(-0.1 * size, 0.1 * size, (n, 2, 1)) + middle
    at = np.clip(at, 0, size - 1.001)
    corner = at.astype(int)
    down, right = (at - corner).astype(x.dtype).transpose(1, 0, 2)
    place, pixels = corner[:, 0] * size + corner[:, 1], x.reshape(n, -1)
    first, second, third, fourth = (np.take_along_axis(pixels, place + step, axis=1) for step in (0, 1, size, size + 1))
    y = (first * (1 - right) + second * right) * (1 - down) + (third * (1 - right) + fourth * right) * down
    y = y.reshape(n, size, size)
    hole = size // 4
    rows, columns = (
        (every >= begin[:, None]) & (every < begin[:, None] + hole)
        for begin in rng.integers(size - hole + 1, size=(2, n))
    )
    y[rows[:, :, None] & columns[:, None]] = 0
    return (y + 0.1 * rng.standard_normal(y.shape, dtype="float32"))[:, None].astype(x.dtype)


def pretrained_encoder(x, *, rng):
    """Train an encoder on images without labels and return it: a layer whose forward gives features

    Shapes
        x  (batch, 1, 14, 14) float32, mostly from −1 to 2      forward of the encoder  (rows, features), at most 128
    rng: a numpy.random.Generator for the initial weights, the order and the views.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(pretrained_encoder)


# %% [markdown]
# Now the comparison that matters: 50 labels, and what to do with them. *Supervised alone*: the same network, trained on
# the 50 images (with and without distorting them). *Rotation*: the encoder is trained to tell how far images were
# turned, then a linear classifier is fitted to its features. *NT-Xent*: the same with your encoder.

# %%
def small_mnist():
    """MNIST as 14 × 14: 4,000 images without labels, and 4,000 others with; given"""
    data = mnist()
    x = data.x_train.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5)).astype("float32")
    return x[:4000], x[4000:8000], data.y_train[4000:8000]


def linear_evaluation(features, labels, *, rng, drawings=20):
    """Mean accuracy of a ridge regression on 50 labelled rows, five of each class; given"""
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    found = []
    for _ in range(drawings):
        few = np.concatenate([rng.choice(np.flatnonzero(labels == c), 5, replace=False) for c in range(10)])
        inner = features[few] @ features[few].T / features.shape[1]
        weights = features[few].T @ np.linalg.solve(inner + 0.1 * np.eye(50), np.eye(10)[labels[few]] - 0.1)
        right = (features @ weights).argmax(axis=1) == labels
        right[few] = False
        found.append(right.sum() / (len(labels) - 50))
    return float(np.mean(found))


def supervised(x, labels, *, rng, distort):
    """Mean accuracy of the network trained on 50 labelled rows alone, of three drawings; given"""
    found = []
    for _ in range(3):
        few = np.concatenate([rng.choice(np.flatnonzero(labels == c), 5, replace=False) for c in range(10)])
        layers = [
            Flatten(),
            Linear(196, 256, rng=rng),
            ReLU(),
            Linear(256, 64, rng=rng),
            ReLU(),
            Linear(64, 10, rng=rng),
        ]
        model, loss = Sequential(layers), SoftmaxCrossEntropy()
        model.astype("float32")
        optimizer = AdamW(model.parameters(), 0.001)
        for _ in range(100):
            batch = distorted(x[few], rng=rng) if distort else x[few]
            fit(model, loss, optimizer, batch, labels[few], epochs=1, batch_size=10, rng=rng, progress=False)
        right = predict(model, x).argmax(axis=1) == labels
        right[few] = False
        found.append(right.sum() / (len(labels) - 50))
    return float(np.mean(found))


def rotation_encoder(x, *, rng, epochs=20):
    """An encoder that was trained to say how far images were turned; its accuracy is printed; given"""
    encoder = Sequential([Flatten(), Linear(196, 256, rng=rng), ReLU(), Linear(256, 64, rng=rng), ReLU()])
    model, loss = Sequential([encoder, Linear(64, 4, rng=rng)]), SoftmaxCrossEntropy()
    model.astype("float32")
    optimizer = AdamW(model.parameters(), 0.002)
    for _ in range(epochs):
        turned, turns = rotation_pretext(x, rng=rng)
        fit(model, loss, optimizer, turned, turns, epochs=1, batch_size=64, rng=rng, progress=False)
    turned, turns = rotation_pretext(x, rng=rng)
    print(f"how far images were turned: {(predict(model, turned).argmax(axis=1) == turns).mean():.2f} right")
    return encoder


@cache
def encoders():
    """An encoder by name; given"""
    x, _, _ = small_mnist()
    return {
        "rotation": rotation_encoder(x, rng=np.random.default_rng(0)),
        "NT-Xent": pretrained_encoder(x, rng=np.random.default_rng(0)),
    }


with when_written():
    _, x, labels = small_mnist()
    rng = np.random.default_rng(0)
    found = {
        "network, 50 images": supervised(x, labels, rng=rng, distort=False),
        "network, 50 images, distorted": supervised(x, labels, rng=rng, distort=True),
        "pixels, linear": linear_evaluation(x.reshape(len(x), -1), labels, rng=rng),
    }
    for name, encoder in encoders().items():
        found[f"{name}, linear"] = linear_evaluation(predict(encoder, x), labels, rng=rng)
    ax = plt.subplots(figsize=(7, 2.8), layout="constrained")[1]
    bars = ax.barh(list(found), list(found.values()), color=[plotting.COLOURS[5]] * 4 + [plotting.COLOURS[1]])
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="accuracy on the others", xlim=(0, 1))
    plt.show()

# %% [markdown]
# And what have the encoders learned? 1,500 images at the place of their features in the plane of largest variance, by
# class (which no encoder has seen).

# %%
with when_written():
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    pictures = {"pixels": x.reshape(len(x), -1), **{name: predict(encoder, x) for name, encoder in encoders().items()}}
    for ax, (name, features) in zip(axes, pictures.items(), strict=True):
        some = features[:1500] - features[:1500].mean(axis=0)
        points = some @ np.linalg.svd(some, full_matrices=False)[2][:2].T
        for c in range(10):
            chosen = points[labels[:1500] == c]
            ax.scatter(*chosen.T, s=7, color=plt.cm.tab10(c), label=str(c))
            ax.text(*np.median(chosen, axis=0), str(c), weight="bold", ha="center", va="center")
        ax.set(title=name, xticks=[], yticks=[])
    plt.show()


# %% [markdown]
# **Question.** *(3 points)* The rotation pretext is solved almost perfectly, and yet its features are worse than the
# pixels; on photographs the same pretext has worked well. (a) What does a network have to see in a digit to say how far
# it was turned, and why does that not need the class? (b) Name a distortion that `distorted` does *not* make and that
# would do harm as a view of digits, and one that does no harm to digits but would to another kind of images. (c) What
# does NT-Xent assume about the other images of a batch, and when is that wrong?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# # Bonus
#
# Three shorter exercises about rewards; their points are added to the mark.
#
# ## 12.27 DQN: dqn_step *(bonus)*
#
# Where there are too many states for a table, a network computes $Q(s, \cdot)$ from a description of the state: a **deep
# Q-network**. Steps $(s, a, r, s', \text{done})$ are kept in a memory and drawn from it in batches. The target is that of
# Q-learning,
#
# $$ t_i = r_i + \gamma \max_{a'} Q^-(s'_i, a') \quad (r_i \text{ where done}), \qquad
#    L = \frac{1}{n} \sum_i \big( Q(s_i, a_i) - t_i \big)^2 $$
#
# with one difference: $Q^-$ is a **target network**, an old copy of the network, which is renewed only now and then.
# Otherwise each step would move its own target. The target is a constant: no gradient goes through it. And only the
# action that was taken has an error: $dQ(s_i, k) = 2\,(Q(s_i, a_i) - t_i) / n$ for $k = a_i$, and 0 for all others.
#
# *By hand:* one step with $Q(s) = (1, 2)$, action 0, $r = 0.5$, $Q^-(s') = (2, 4)$ and $\gamma = 0.5$: $t = 2.5$,
# $L = 2.25$, $dQ = (-3, 0)$.

# %%
def dqn_step(states, actions, rewards, next_states, done, *, network, target, optimizer, gamma):
    """One step of deep Q-learning on a batch of steps; the loss, a scalar

    Shapes
        states, next_states  (batch, …)      actions  (batch,), integers      rewards  (batch,)
        done  (batch,), booleans: the next state is a goal
    network, target: layers that give action values (batch, actions) for states.  The optimizer moves the network; the
    target network stays as it is, and so do its gradients.  Gradients of the network that were there before do not count.

    Source: Mnih et al., Human-level Control through Deep Reinforcement Learning (2015), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(dqn_step)


# %% [markdown]
# ## 12.28 dpo_loss *(bonus)*
#
# A language model is a policy: its actions are words. To make it answer as people like, one may learn a reward from
# their preferences and then climb with REINFORCE or one of its descendants. **Direct preference optimization** needs
# neither: for each question there are a *chosen* answer $w$ and a *rejected* one $l$, and a frozen *reference* model.
# With the log-probabilities of whole answers,
#
# $$ m = \beta \big[ (\log \pi(w) - \log \pi_\text{ref}(w)) - (\log \pi(l) - \log \pi_\text{ref}(l)) \big], \qquad
#    L = -\frac1n \sum \log \sigma(m) $$
#
# The bracket says how much more the model prefers the chosen answer than the reference does. Its size $\beta$ keeps it
# near the reference: a large $\beta$ is satisfied with a small difference. With $-\log \sigma(m) = \log(1 + e^{-m})$ and
# $dm = -\sigma(-m) / n$:
#
# $$ d\log \pi(w) = -\frac{\beta}{n}\, \sigma(-m), \qquad d\log \pi(l) = +\frac{\beta}{n}\, \sigma(-m) $$
#
# Pairs that are ordered correctly by far ($m$ large) push no more. Where $m = -1000$, the loss is 1000, not infinite.
#
# *By hand:* log-probabilities −10 (chosen) and −9 (rejected), both −10 in the reference, $\beta = 1$: $m = 0 - 1 = -1$,
# $L = \log(1 + e) = 1.313$, and with $n = 1$ the gradients are −0.731 and 0.731.

# %%
def dpo_loss(chosen, rejected, reference_chosen, reference_rejected, *, beta):
    """The loss of direct preference optimization, and its gradients by the model: (loss, dchosen, drejected)

    Shapes
        all inputs  (batch,): log-probabilities of answers, of any size; the last two by the reference model
        loss, a scalar, the mean over the batch      dchosen, drejected  (batch,)

    Source: Rafailov et al., Direct Preference Optimization (2023), equation 7.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(dpo_loss)


# %% [markdown]
# ## 12.29 grpo_advantages *(bonus)*
#
# REINFORCE needs a baseline: how good is an answer to *this* question usually? For a language model nobody has a table of
# questions. **Group relative policy optimization** asks each question several times and compares the answers of a group
# with each other:
#
# $$ A_{gi} = \frac{r_{gi} - \text{mean}_g}{\text{sd}_g} $$
#
# with the standard deviation that divides by the number of answers, not by one less. If all answers of a group are
# equally good, nothing can be learned from it: its advantages are 0, exactly. (Beware: the mean of three times 0.1 is not
# 0.1 on a machine. So the standard deviation of equal rewards may be $10^{-17}$ in place of 0, and the quotient 1.)
#
# *By hand:* the rewards $(1, 0, 0, 1)$ have the mean ½ and the deviation ½: advantages $(1, -1, -1, 1)$. $(3, 3, 3)$:
# $(0, 0, 0)$.

# %%
def grpo_advantages(rewards):
    """Rewards of several answers to each question, relative to those of the same question

    Shapes
        rewards, result  (groups, answers), floats
    A group whose rewards are all equal has the advantages 0.

    Source: Shao et al., DeepSeekMath (2024), section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(grpo_advantages)
