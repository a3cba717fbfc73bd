# %% [markdown]
# # 12 · Learning paradigms

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, asarray, plotting, to_numpy, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist
from dlkit.training import fit, predict
from dlkit.worlds import ARROWS, GridWorld

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
    ### BEGIN SOLUTION
    return rewards + gamma * (transitions @ values)
    ### END SOLUTION


# %% [markdown] hints="action_values"
# ### action_values
# 1. Which axis of the transitions belongs to the values: that of the state where the step begins, or that where it
#    leads?
# 2. Q = R + γ P V, (S, A, S) (S,) → (S, A)
# 3. Take the mean of the values over the last axis of the transitions, discount it, and add the rewards.

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
    ### BEGIN SOLUTION
    values = np.zeros(len(rewards))
    for _ in range(sweeps):
        new = action_values(values, transitions, rewards, gamma).max(axis=1)
        change = np.abs(new - values).max()
        values = new
        if change <= tolerance:
            break
    return values, action_values(values, transitions, rewards, gamma).argmax(axis=1)
    ### END SOLUTION


# %% [markdown] hints="value_iteration"
# ### value_iteration
# 1. Do the values of the states that come later in a sweep depend on what the same sweep has found for earlier ones?
# 2. V ← max over the actions of Q(V), (S, A) → (S,), until no entry changes by more than the tolerance
# 3. Begin with zeros. Compute the action values of the old table, take the greatest in each row, compare with the old
#    table, and only then replace it. At the end compute the action values once more and choose an action in each row.

# %%
check(value_iteration)

# %%
with when_written():
    best, policy = value_iteration(world.transitions, world.rewards, 0.95)
    print(world.text(policy), f"\nworth {best[world.start]:.3f} at the start")
    plotting.grid_world(world, best, policy)
    plt.show()

# %% [markdown]
# Next to the walls, the agent does not go diagonally as it likes: in the left room it keeps to the row of the door. And
# look at the cell to the left of the goal, and at the one above it.

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
    ### BEGIN SOLUTION
    moves = np.einsum("sa,sat->st", policy, transitions)
    return np.linalg.solve(np.eye(len(moves)) - gamma * moves, (policy * rewards).sum(axis=1))
    ### END SOLUTION


# %% [markdown] hints="policy_values"
# ### policy_values
# 1. What are the transitions and the rewards of a world in which the policy has already chosen?
# 2. (I − γ P) V = R, with P (S, S) and R (S,), both averaged over the actions by the policy
# 3. Average the transitions and the rewards over the actions, weighted by the policy. Then solve the linear system whose
#    matrix is the unit matrix minus the discounted transitions.

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
        ### BEGIN SOLUTION
        if rng.random() < self.epsilon:
            return int(rng.integers(self.Q.shape[1]))
        return int(rng.choice(np.flatnonzero(self.Q[state] == self.Q[state].max())))
        ### END SOLUTION

    def update(self, state, action, reward, next_state, done):
        """Count the visit, and correct Q for one step; done: whether next_state is a goal, after which nothing follows"""
        ### BEGIN SOLUTION
        self.visits[state, action] += 1
        target = reward if done else reward + self.gamma * self.Q[next_state].max()
        rate = self.visits[state, action] ** -self.power
        self.Q[state, action] += rate * (target - self.Q[state, action])
        ### END SOLUTION

    def learn(self, world, episodes, *, rng):
        """Live through episodes, correct Q after each step; a list with the sum of the rewards of each episode

        world: has start, limit (steps after which an episode is broken off), and
        step(state, action, rng=rng), which returns (next_state, reward, done)
        A further call continues with the table as it is.
        """
        ### BEGIN SOLUTION
        sums = []
        for _ in range(episodes):
            state, total = world.start, 0.0
            for _ in range(world.limit):
                action = self.act(state, rng=rng)
                next_state, reward, done = world.step(state, action, rng=rng)
                self.update(state, action, reward, next_state, done)
                state, total = next_state, total + reward
                if done:
                    break
            sums.append(total)
        return sums
        ### END SOLUTION


# %% [markdown] hints="QLearning"
# ### act
# 1. With ε = 1, how often is the best action taken? And what happens while all values are 0?
# 2. π(a) = ε / A for every action, plus (1 − ε) / (number of best ones) for each of the best
# 3. Draw whether to explore. If so, draw one of all actions; otherwise draw one of those whose value equals the greatest
#    of the row.
#
# ### update
# 1. What follows after a goal? And is the visit that has just happened counted in the rate?
# 2. target = r + γ max Q(s′), or r where done; α = n^(−power); new Q(s, a) = Q(s, a) + α (target − Q(s, a))
# 3. Count first. Make the target, with or without the next state's greatest value, and move this one entry towards it by
#    the rate.
#
# ### learn
# 1. When does an episode end, and what is different between both ways to end for the update?
# 2. s = start; at most limit times: a = act(s), (s′, r, done) = step(s, a), update, s = s′
# 3. Loop over episodes, and in each over at most as many steps as the limit; pass on the done that the world returns,
#    and leave the inner loop where it is true.

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
    ### BEGIN SOLUTION
    returns = np.empty_like(rewards)
    following = 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        returns[t] = following
    return returns
    ### END SOLUTION


# %% [markdown] hints="discounted_returns"
# ### discounted_returns
# 1. Which return can be written down first: that of the first step, or that of the last?
# 2. G(t) = r(t) + γ G(t + 1), (T,); G(T) = 0
# 3. Go from the last step to the first, keep the return of the step after it, and write each into a new array.

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
    ### BEGIN SOLUTION
    e = np.exp(theta - theta.max(axis=1, keepdims=True))
    pushes = -(e / e.sum(axis=1, keepdims=True))[states]
    pushes[np.arange(len(states)), actions] += 1
    gradient = np.zeros_like(theta)
    np.add.at(gradient, states, advantages[:, None] * pushes)
    return gradient
    ### END SOLUTION


# %% [markdown] hints="policy_gradient"
# ### policy_gradient
# 1. What happens with two steps in the same state if the second is *assigned* to its row? And what is exp(1000)?
# 2. push(t) = A(t) (onehot(a(t)) − π(s(t))), (T, A); g(s) = sum of the pushes of all steps in s, (S, A)
# 3. Compute the softmax of each row, with its maximum subtracted. Make for each step the one-hot action minus the
#    probabilities of its state, times the advantage, and scatter-add it to the row of its state.

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
        ### BEGIN SOLUTION
        e = np.exp(self.theta[state] - self.theta[state].max())
        return int(rng.choice(len(e), p=e / e.sum()))
        ### END SOLUTION

    def update(self, states, actions, rewards):
        """Learn from one episode: its states, actions and rewards, arrays (steps,); first the policy, then the baseline"""
        ### BEGIN SOLUTION
        returns = discounted_returns(rewards, self.gamma)
        advantages = returns - self.baseline[states]
        self.theta += self.lr * policy_gradient(self.theta, states, actions, advantages)
        for state, found in zip(states, returns, strict=True):
            self.baseline[state] += self.baseline_lr * (found - self.baseline[state])
        ### END SOLUTION

    def learn(self, world, episodes, *, rng):
        """Live through episodes and update after each; a list with the sum of the rewards of each episode

        world: as for QLearning.learn.  A further call continues with what was learned.
        """
        ### BEGIN SOLUTION
        sums = []
        for _ in range(episodes):
            state, done, steps = world.start, False, []
            while not done and len(steps) < world.limit:
                action = self.act(state, rng=rng)
                next_state, reward, done = world.step(state, action, rng=rng)
                steps.append((state, action, reward))
                state = next_state
            states, actions, rewards = (np.array(each) for each in zip(*steps, strict=True))
            self.update(states, actions, rewards)
            sums.append(float(rewards.sum()))
        return sums
        ### END SOLUTION


# %% [markdown] hints="Reinforce"
# ### act
# 1. Is the best action taken always, or as often as its probability says? What is exp(1000)?
# 2. π(a) = exp(θ(a) − max θ) / Σ exp(θ − max θ), (A,)
# 3. Compute the softmax of one row, its maximum subtracted, and draw an index with these probabilities.
#
# ### update
# 1. Which baseline do the advantages use: that before, or that after this episode? And does the policy go up or down?
# 2. A = G − b(s), (T,); new θ = θ + lr · g(A); then for each step in order: new b(s) = b(s) + β (G − b(s))
# 3. Returns, advantages, a step of the policy up the gradient. Then go through the steps and move the baseline of each
#    step's state towards its return.
#
# ### learn
# 1. Which state belongs to an action in the lists: that in which it was taken, or that where it led?
# 2. states s(0) … s(T−1), actions, rewards, (T,), T at most the limit; the goal itself is not among them
# 3. In each episode collect state, action and reward of every step until the goal or the limit, make arrays of the lists,
#    update once, and note the sum of the rewards.

# %%
check(Reinforce)

# %% [markdown]
# What does the baseline buy? Eight agents each, 400 episodes; the line is the median over the agents of how far their
# greedy policy has come, the band reaches from a quarter to three quarters of them.


# %%
@cache
def ways_of_reinforce(baseline_lr, lr, agents=8, episodes=400, every=10):
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
        x = np.arange(1, found.shape[1] + 1) * 10
        low, middle, high = np.quantile(found, (0.25, 0.5, 0.75), axis=0)
        ax.fill_between(x, low, high, color=plotting.COLOURS[i], alpha=0.2, lw=0)
        ax.plot(x, middle, color=plotting.COLOURS[i], label=name)
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.set(xlabel="episodes", ylabel="way from even to best", ylim=(-0.3, 1.05))
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
    ### BEGIN SOLUTION
    agent = QLearning(world.states, world.actions)
    agent.learn(world, 1000, rng=rng)
    return agent.Q.argmax(axis=1)
    ### END SOLUTION


# %% [markdown] hints="learned_policy"
# ### learned_policy
# 1. Which of your two agents needs fewer episodes, and at the end, is exploring still wanted?
# 2. Q (S, A) after 1,000 episodes; π(s) = the action with the greatest Q(s)
# 3. Make an agent of the world's sizes, let it learn with the generator, and return the greedy action of each row.

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
