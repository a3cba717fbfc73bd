"""What a TrainingStepExercise asks of a step of two networks, and what it says about wrong ones."""

from functools import partial

import numpy as np
import pytest

from autograder.checks import (
    DETACHED,
    DRAWS,
    LEFT_OVER,
    MATCHES,
    MODES,
    RETURNED,
    TURNS,
    Case,
    New,
    Rng,
    TrainingStepExercise,
)
from autograder.spec import SpecError
from autograder.subject import LocalSubject, SubjectRaisedError
from tests.autograder.checks.asking import asked, mutated


def networks(case):
    return {
        "generator": New("support.Perceptron", case.inputs["noise"].shape[1], 5, 3, rng=Rng(1)),
        "discriminator": New("support.Perceptron", 3, 4, rng=Rng(2)),
    }


def batches(rng):
    return [Case(real=rng.normal(1, 1, (n, 3)), noise=rng.normal(size=(m, 2))) for n, m in [(4, 4), (3, 5)]]


MOVED = {"generator_optimizer": "generator", "discriminator_optimizer": "discriminator"}
exercise = TrainingStepExercise(
    "gan_step",
    cases=batches,
    networks=networks,
    optimizers=MOVED,
    stale=True,
    detached=("generator",),
    cleared=("discriminator",),
    outputs=("the discriminator's loss", "the generator's loss"),
    float32=lambda rng: [Case(real=rng.normal(1, 1, (4, 3)), noise=rng.normal(size=(3, 2))) for _ in range(2)],
)


def ones(x):
    return x[:, :1] * 0 + 1


def judged(x, label, discriminator, loss):
    """The loss of a batch that should be called by this label, and the gradient at x."""
    error = loss.forward(discriminator.forward(x), label * ones(x))
    return error, discriminator.backward(loss.backward())


def gan_step(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    discriminator_optimizer.zero_grad()
    fake = generator.forward(noise)
    total = judged(real, 1, discriminator, loss)[0] + judged(fake, 0, discriminator, loss)[0]
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    error, dfake = judged(fake, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return total, error


def both_on_the_joint_loss(
    real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer
):
    discriminator_optimizer.zero_grad()
    generator_optimizer.zero_grad()
    fake = generator.forward(noise)
    first, _ = judged(real, 1, discriminator, loss)
    second, dfake = judged(fake, 0, discriminator, loss)
    error, dwished = judged(fake, 1, discriminator, loss)
    generator.backward(dfake + dwished)
    discriminator_optimizer.step()
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return first + second, error


def moves_the_discriminator_too(real, noise, *, discriminator_optimizer, **others):
    result = gan_step(real, noise, discriminator_optimizer=discriminator_optimizer, **others)
    judged(others["generator"].forward(noise), 1, others["discriminator"], others["loss"])
    discriminator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return result


def writes_into_the_discriminator(real, noise, **others):
    result = gan_step(real, noise, **others)
    for parameter in others["discriminator"].parameters():
        parameter.data *= 0.99
    return result


def clips_in_between(real, noise, *, generator_optimizer, **others):
    class Clipping:
        zero_grad = generator_optimizer.zero_grad

        def step(self):
            for parameter in others["discriminator"].parameters():
                parameter.data[...] = parameter.data.clip(-0.1, 0.1)
            generator_optimizer.step()

    return gan_step(real, noise, generator_optimizer=Clipping(), **others)


def keeps_earlier_gradients(
    real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer
):
    discriminator_optimizer.zero_grad()
    fake = generator.forward(noise)
    total = judged(real, 1, discriminator, loss)[0] + judged(fake, 0, discriminator, loss)[0]
    discriminator_optimizer.step()
    error, dfake = judged(fake, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return total, error


def does_not_detach(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    """The generator's share of the discriminator's loss is cleared before it does harm."""
    discriminator_optimizer.zero_grad()
    fake = generator.forward(noise)
    first, _ = judged(real, 1, discriminator, loss)
    second, dfake = judged(fake, 0, discriminator, loss)
    generator.backward(dfake)
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    error, dfake = judged(fake, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return first + second, error


def begins_with_the_generator(
    real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer
):
    generator_optimizer.zero_grad()
    fake = generator.forward(noise)
    error, dfake = judged(fake, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    total = judged(real, 1, discriminator, loss)[0] + judged(fake, 0, discriminator, loss)[0]
    discriminator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return total, error


def swaps_the_labels(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    discriminator_optimizer.zero_grad()
    fake = generator.forward(noise)
    total = judged(real, 0, discriminator, loss)[0] + judged(fake, 1, discriminator, loss)[0]
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    error, dfake = judged(fake, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return total, error


def moves_the_discriminator_alone(real, noise, **others):
    class Resting:
        zero_grad = others["generator_optimizer"].zero_grad

        def step(self):
            pass

    return gan_step(real, noise, **{**others, "generator_optimizer": Resting()})


def leaves_gradients(real, noise, *, discriminator_optimizer, **others):
    class Kept:
        def __init__(self):
            self.step, self.cleared = discriminator_optimizer.step, False

        def zero_grad(self):
            if not self.cleared:
                discriminator_optimizer.zero_grad()
            self.cleared = True

    return gan_step(real, noise, discriminator_optimizer=Kept(), **others)


def in_one_batch(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    """The discriminator's loss in one go, and everything cleared at the beginning and at the end."""
    for optimizer in (generator_optimizer, discriminator_optimizer):
        optimizer.zero_grad()
    fake = generator.forward(noise)
    both = np.concatenate([real, fake])
    labels = np.concatenate([ones(real), 0 * ones(fake)])
    prediction = discriminator.forward(both)
    difference = prediction - labels
    weights = np.concatenate([ones(real) / len(real), ones(fake) / len(fake)])
    discriminator.backward(2 * difference * weights)
    discriminator_optimizer.step()
    discriminator_optimizer.zero_grad()
    again = generator.forward(noise)
    error, dfake = judged(again, 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    for optimizer in (generator_optimizer, discriminator_optimizer):
        optimizer.zero_grad()
    return (difference * difference * weights).sum(), error


ORDER = ["discriminator_optimizer", "generator_optimizer"]
A_STEP = "a step of an optimizer"
CHECKS = [check.name for check in exercise.checks]


def test_a_step_of_two_networks_has_the_checks_of_a_function_and_five_of_its_own():
    assert CHECKS == [
        TURNS,
        MATCHES,
        "inputs are not modified",
        "stays on the device",
        RETURNED,
        "float32 stays float32",
        MODES,
        DETACHED,
        LEFT_OVER,
    ]
    assert {check.part for check in exercise.checks} == {"gan_step"}


@pytest.mark.parametrize("check", CHECKS)
def test_a_correct_step_passes_every_check(check):
    assert asked(exercise, check, gan_step, gan_step) is None


@pytest.mark.parametrize("check", [TURNS, MATCHES, RETURNED, MODES, DETACHED, LEFT_OVER])
def test_a_step_that_is_written_otherwise_passes(check):
    assert asked(exercise, check, in_one_batch, gan_step) is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (both_on_the_joint_loss, "the gradient of discriminator.V in update 1 of discriminator_optimizer is wrong"),
        (moves_the_discriminator_too, "discriminator_optimizer.step() ran twice; expected once"),
        (writes_into_the_discriminator, "discriminator.V at the end is wrong"),
        (keeps_earlier_gradients, "the gradient of generator.V in update 1 of generator_optimizer is wrong"),
        (begins_with_the_generator, "the gradient of generator.V in update 1 of generator_optimizer is wrong"),
        (swaps_the_labels, "the gradient of discriminator.V in update 1 of discriminator_optimizer is wrong"),
        (moves_the_discriminator_alone, "generator_optimizer.step() never ran; expected once"),
    ],
)
def test_a_wrong_step_is_found_and_the_first_update_that_differs_is_named(wrong, sentence):
    assert asked(exercise, MATCHES, wrong, gan_step).sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            begins_with_the_generator,
            f"the updates came in the order {', '.join(reversed(ORDER))}; expected {', '.join(ORDER)}",
        ),
        (moves_the_discriminator_too, "discriminator_optimizer.step() ran twice; expected once"),
        (moves_the_discriminator_alone, "generator_optimizer.step() never ran; expected once"),
        (
            writes_into_the_discriminator,
            f"the parameters of discriminator changed after the last update, without {A_STEP}",
        ),
        (
            clips_in_between,
            f"the parameters of discriminator changed before update 2, {ORDER[1]}.step(), without {A_STEP}",
        ),
    ],
)
def test_a_network_that_is_moved_out_of_turn_is_named(wrong, sentence):
    assert asked(exercise, TURNS, wrong, gan_step).sentence == sentence


def two_judges(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer, order=1):
    """Both networks imitate the real rows, each by itself."""
    both = [(discriminator, discriminator_optimizer, real), (generator, generator_optimizer, noise)][::order]
    errors = []
    for network, optimizer, x in both:
        optimizer.zero_grad()
        errors.append(loss.forward(network.forward(x), x[:, :1] + 0 * network.forward(x)))
        network.backward(loss.backward())
        optimizer.step()
    return tuple(errors[::order])


def test_an_order_that_changes_no_number_fails_nobody():
    outputs = ("the first loss", "the second loss")
    apart = TrainingStepExercise("two_judges", cases=batches, networks=networks, optimizers=MOVED, outputs=outputs)
    in_reverse = partial(two_judges, order=-1)
    assert asked(apart, TURNS, in_reverse, two_judges) is None
    assert asked(apart, MATCHES, in_reverse, two_judges) is None


def test_who_moves_what_is_not_asked_where_there_is_one_optimizer():
    assert TURNS not in [check.name for check in single.checks]


def test_a_wrong_order_is_said_where_the_numbers_differ():
    said = asked(exercise, MATCHES, begins_with_the_generator, gan_step).sentence
    assert said.endswith(
        "The updates came in the order generator_optimizer, discriminator_optimizer; "
        "expected discriminator_optimizer, generator_optimizer"
    )


def test_a_loss_that_reaches_the_other_network_is_found_where_its_gradient_is_cleared_later():
    assert asked(exercise, MATCHES, does_not_detach, gan_step) is None
    found = asked(exercise, DETACHED, does_not_detach, gan_step)
    assert found.sentence == (
        "something other than the gradient of its own loss went through generator.backward before its update 1: "
        "another network's loss must not reach it"
    )


def test_gradients_that_are_left_in_the_other_network_are_found():
    assert asked(exercise, MATCHES, leaves_gradients, gan_step) is None
    found = asked(exercise, LEFT_OVER, leaves_gradients, gan_step)
    assert found.sentence == "the gradient of discriminator.V is not zero when the function returns: clear it"


@pytest.mark.parametrize("check", [check.name for check in exercise.checks if check.mutation])
def test_every_mutation_passes_the_principal_check_and_fails_its_own(check):
    wrong = mutated(exercise, check, gan_step)
    if "device" not in check:
        first = None if check == TURNS else MATCHES
        assert first is None or asked(exercise, first, wrong, gan_step) is None
        assert asked(exercise, check, wrong, gan_step) is not None
    else:
        with pytest.raises(SubjectRaisedError):
            asked(exercise, check, wrong, gan_step)


def test_a_step_without_stale_gradients_cannot_tell_who_clears_them():
    lenient = TrainingStepExercise(
        "gan_step",
        cases=lambda rng: [Case(real=rng.normal(1, 1, (4, 3)), noise=rng.normal(size=(4, 2)))],
        networks=networks,
        optimizers={"generator_optimizer": "generator", "discriminator_optimizer": "discriminator"},
    )
    assert asked(lenient, MATCHES, keeps_earlier_gradients, gan_step) is None


def test_answers_that_are_no_log_fail_and_do_not_stop_the_grader():
    def tampering(*args, generator, discriminator, **others):
        result = gan_step(*args, generator=generator, discriminator=discriminator, **others)
        log = others["generator_optimizer"].log
        log.order, log.calls, log.moves, log.turns = "nothing", None, {}, [("nobody", "nothing")]
        log.taken = {path: [] for path in log.taken}
        return result

    assert asked(exercise, MATCHES, tampering, gan_step) is not None
    assert asked(exercise, TURNS, tampering, gan_step) is not None


def descend(x, y, *, model, loss, optimizer, count):
    for _ in range(count):
        optimizer.zero_grad()
        error = loss.forward(model.forward(x), y)
        model.backward(loss.backward())
        optimizer.step()
    return error


single = TrainingStepExercise(
    "descend",
    cases=lambda rng: [Case({"count": 3}, x=rng.normal(size=(4, 2)), y=rng.normal(size=(4, 1)))],
    networks=lambda case: {"model": New("support.Perceptron", case.inputs["x"].shape[1], 4, rng=Rng(0))},
)


def test_of_one_network_the_first_update_that_differs_is_named_without_it():
    def late(x, y, *, model, loss, optimizer, count):
        for t in range(count):
            optimizer.zero_grad()
            error = loss.forward(model.forward(x), y)
            model.backward(loss.backward() * (1 + (t == 1)))
            optimizer.step()
        return error

    assert asked(single, MATCHES, late, descend).name == "the gradient of V in update 2"


def test_how_often_forward_ran_explains_a_wrong_gradient_and_fails_nobody():
    def asks_twice(x, *rest, model, **others):
        model.forward(x)
        return descend(x, *rest, model=model, **others)

    def halved(x, *rest, model, **others):
        model.forward(x)
        return descend(x / 2, *rest, model=model, **others)

    assert asked(single, MATCHES, asks_twice, descend) is None
    said = asked(single, MATCHES, halved, descend).sentence
    assert said.endswith(" (model.forward ran 4 times; the reference needs 3 times, others may differ)")


def test_one_optimizer_may_move_several_networks():
    together = TrainingStepExercise(
        "gan_step",
        cases=lambda rng: [Case(real=rng.normal(size=(4, 3)), noise=rng.normal(size=(4, 2)))],
        networks=networks,
        optimizers={"optimizer": ("generator", "discriminator")},
    )

    def joint(real, noise, *, generator, discriminator, loss, optimizer):
        optimizer.zero_grad()
        error, dfake = judged(generator.forward(noise), 1, discriminator, loss)
        generator.backward(dfake)
        optimizer.step()
        return error

    check = together.find(MATCHES)
    reference = LocalSubject.live({"gan_step": joint}, together.support)
    case, _ = check.cases(np.random.default_rng(0), reference)
    seen = check.observe(reference, case)
    assert seen["_order"] == ["optimizer"]
    assert seen["_moves"] == {"optimizer": ["generator.V", "generator.w", "discriminator.V", "discriminator.w"]}
    assert seen["the gradients of discriminator.w, update by update,"].shape == (1, 4, 1)


frozen = TrainingStepExercise(
    "tune",
    cases=lambda rng: [Case(x=rng.normal(size=(4, 3)), y=rng.normal(size=(4, 2)))],
    networks=lambda _: {
        "body": New("support.Perceptron", 3, 5, 3, rng=Rng(1)),
        "head": New("support.Perceptron", 3, 4, 2, rng=Rng(2)),
    },
    optimizers={"optimizer": "head"},
    detached=("body",),
)


def tune(x, y, *, body, head, loss, optimizer):
    total = loss.forward(head.forward(body.forward(x)), y)
    optimizer.zero_grad()
    head.backward(loss.backward())
    optimizer.step()
    return total


def test_a_gradient_in_a_frozen_network_is_noticed_where_correct_code_sends_none():
    assert asked(frozen, DETACHED, tune, tune) is None
    assert asked(frozen, DETACHED, mutated(frozen, DETACHED, tune), tune) is not None


def test_a_function_that_decides_in_cpu_memory_is_not_checked_on_a_device():
    made = TrainingStepExercise("tune", cases=lambda _: [], networks=lambda _: {}, cpu_only="It looks at the loss.")
    names = [check.name for check in made.checks]
    assert MATCHES in names
    assert "stays on the device" not in names
    assert "stays on the device" in [check.name for check in frozen.checks]


# --- modes, and what a network draws and returns -----------------------------------------------


def evaluates_the_generator_first(real, noise, *, generator, **others):
    forward, calls = generator.forward, []

    def first(x):
        calls.append(x)
        if len(calls) > 1:
            return forward(x)
        generator.eval()
        y = forward(x)
        generator.train()
        return y

    generator.forward = first
    return twice(real, noise, generator=generator, **others)


def trains_both(real, noise, *, generator, discriminator, **others):
    generator.train()
    discriminator.train()
    return gan_step(real, noise, generator=generator, discriminator=discriminator, **others)


def leaves_it_in_evaluation(real, noise, *, generator, **others):
    result = gan_step(real, noise, generator=generator, **others)
    generator.eval()
    return result


def twice(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    """The generator runs once for each of two halves, as most people write it."""
    discriminator_optimizer.zero_grad()
    total = judged(real, 1, discriminator, loss)[0]
    total = total + judged(generator.forward(noise), 0, discriminator, loss)[0]
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    error, dfake = judged(generator.forward(noise), 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return total, error


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            evaluates_the_generator_first,
            "training mode, generator computes in both modes in turn; expected training mode",
        ),
        (
            trains_both,
            "evaluation mode, generator computes in training mode; expected evaluation mode",
        ),
        (
            leaves_it_in_evaluation,
            "training mode, generator is left in evaluation mode; expected training mode",
        ),
    ],
)
def test_a_network_whose_mode_is_changed_is_named(wrong, sentence):
    assert asked(exercise, MATCHES, wrong, twice) is None
    assert asked(exercise, MODES, wrong, twice).sentence == f"where all networks are given in {sentence}"


def test_how_often_a_network_computes_in_its_mode_makes_no_difference():
    assert asked(exercise, MODES, twice, gan_step) is None


def test_what_a_network_returned_belongs_to_it():
    def moves_the_fake_rows(real, noise, *, generator, **others):
        forward = generator.forward

        def moved(x):
            y = forward(x)
            y *= 2
            return y / 2

        generator.forward = moved
        return gan_step(real, noise, generator=generator, **others)

    assert asked(exercise, MATCHES, moves_the_fake_rows, gan_step) is None
    said = asked(exercise, RETURNED, moves_the_fake_rows, gan_step).sentence
    assert said.startswith("an array that a model's forward returned was changed")


drawing = TrainingStepExercise(
    "descend",
    cases=lambda rng: [Case({"count": 2}, x=rng.normal(size=(4, 2)), y=rng.normal(size=(4, 1)))],
    networks=lambda _: {"model": New("support.Perceptron", 2, 4, rng=Rng(0))},
    drawing=("model",),
)


def test_backward_belongs_to_the_draw_of_the_last_forward():
    def looks_again(x, y, *, model, loss, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            error = loss.forward(model.forward(x), y)
            model.forward(x)
            model.backward(loss.backward())
            optimizer.step()
        return error

    assert DRAWS not in [check.name for check in single.checks]
    assert asked(drawing, DRAWS, descend, descend) is None
    assert asked(drawing, MATCHES, looks_again, descend) is None
    said = asked(drawing, DRAWS, looks_again, descend).sentence
    assert said.startswith("the gradient of V in update 1 is wrong")
    assert "model.forward ran 4 times; the reference needs twice" in said
    assert asked(drawing, MATCHES, mutated(drawing, DRAWS, descend), descend) is None
    assert asked(drawing, DRAWS, mutated(drawing, DRAWS, descend), descend) is not None


# --- a step that changes parameters itself -----------------------------------------------------


def critic_step(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer, limit):
    """A step whose discriminator has small weights: they are clipped after each of two updates."""
    total = []
    for _ in range(2):
        discriminator_optimizer.zero_grad()
        fake = generator.forward(noise)
        total += [judged(real, 1, discriminator, loss)[0] + judged(fake, 0, discriminator, loss)[0]]
        discriminator_optimizer.step()
        for parameter in discriminator.parameters():
            parameter.data[...] = parameter.data.clip(-limit, limit)
    generator_optimizer.zero_grad()
    error, dfake = judged(generator.forward(noise), 1, discriminator, loss)
    generator.backward(dfake)
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return sum(total), error


def clipped_batches(rng):
    return [case.with_changes(arguments={"limit": limit}) for case, limit in zip(batches(rng), (0.5, 2.0), strict=True)]


def clipping(adjusted=("discriminator",)):
    return TrainingStepExercise(
        "critic_step", cases=clipped_batches, networks=networks, optimizers=MOVED, stale=True, adjusted=adjusted,
        outputs=("the loss", "the other"),
    )  # fmt: skip


def never_clips(*batches, limit, **others):
    return critic_step(*batches, limit=100.0 * limit, **others)


def clips_both(*batches, limit, **others):
    result = critic_step(*batches, limit=limit, **others)
    for parameter in others["generator"].parameters():
        parameter.data *= 0.5
    return result


def goes_uphill(*batches, discriminator_optimizer, discriminator, **others):
    """Wrong elsewhere: its weights meet the limit where those of the reference do not."""

    class Uphill:
        zero_grad = discriminator_optimizer.zero_grad

        def step(self):
            for parameter in discriminator.parameters():
                parameter.grad[...] *= -40
            discriminator_optimizer.step()

    return critic_step(*batches, discriminator=discriminator, discriminator_optimizer=Uphill(), **others)


def test_what_a_step_may_change_itself_is_no_intruder_wherever_it_does():
    assert asked(clipping(), TURNS, critic_step, critic_step) is None
    assert asked(clipping(), TURNS, goes_uphill, critic_step) is None
    assert "the gradient of discriminator" in asked(clipping(), MATCHES, goes_uphill, critic_step).sentence
    said = asked(clipping(), TURNS, clips_both, critic_step).sentence
    assert said == "the parameters of generator changed after the last update, without a step of an optimizer"


def test_what_a_step_never_changes_itself_and_should_is_named():
    assert asked(clipping(), TURNS, never_clips, critic_step).sentence == (
        "nothing but a step of an optimizer ever changes the parameters of discriminator; "
        "the reference changes them before update 2, discriminator_optimizer.step()"
    )


def test_a_solution_that_changes_parameters_itself_has_to_say_whose():
    with pytest.raises(
        SpecError, match=r"changes the parameters of discriminator .*: give adjusted=\('discriminator',\)"
    ):
        asked(clipping(adjusted=()), TURNS, critic_step, critic_step)
