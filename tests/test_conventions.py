"""Every line of docs/conventions.md that golden values do not check already."""

import re
from pathlib import Path

import numpy as np
import pytest

import dlkit
from autograder.course import catalogue
from autograder.grading.remarks import remark_on
from autograder.isolation.tree import Rng
from autograder.spec import Case, Check
from autograder.spec.comparison import FLOAT32, FLOAT64, compare, compare_all

ROOT = Path(__file__).resolve().parents[1]


def names_of(assignment):
    """The reference implementations of an assignment, by name."""
    loaded = catalogue.load(assignment, ROOT)
    subject = loaded.subject(loaded.assignment.exercises[0])
    return subject._executor.names


@pytest.fixture(scope="module")
def layers():
    return names_of("02_layers")


@pytest.fixture(scope="module")
def losses():
    return names_of("03_losses")


@pytest.fixture(scope="module")
def optimizers():
    return names_of("04_optimizers")


@pytest.fixture(scope="module")
def regularization():
    return names_of("05_regularization")


@pytest.fixture(scope="module")
def convolution():
    return names_of("06_convolution")


@pytest.fixture(scope="module")
def recurrent():
    return names_of("07_recurrent")


@pytest.fixture(scope="module")
def embeddings():
    return names_of("08_embeddings")


@pytest.fixture(scope="module")
def attention():
    return names_of("09_attention")


@pytest.fixture(scope="module")
def generative():
    return names_of("10_generative")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_sheet_has_a_line_for_every_test_here():
    rows = re.findall(
        r"^\| (?!what|---)([^|]+?) \|", (ROOT / "docs/conventions.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    held_here = {
        "Linear",
        "gradients",
        "dtype",
        "inputs",
        "exactness",
        "a loss",
        "KLDivergence",
        "label smoothing",
        "GELU",
        "Parameter",
        "im2col",
        "Conv2d",
        "windows",
        "pooling",
        "RecursiveNet",
        "CausalConv1d",
        "LocallyConnected1d",
        "LocallyConnected2d",
        "recurrent layers",
        "state",
        "mask",
        "gates",
        "several outputs",
        "Optimizer",
        "weight decay",
        "Momentum",
        "epsilon",
        "Adam",
        "clip_gradient_norm",
        "Schedule",
        "initial values",
        "Dropout",
        "BatchNorm",
        "LayerNorm",
        "L2Penalty",
        "EarlyStopping",
        "augmentation",
        "Mixup",
        "BPETokenizer",
        "Embedding",
        "draw_negatives",
        "SkipGramNegativeSampling",
        "cosine_neighbours",
        "truncated_svd",
        "sentence_embedding",
        "tf_idf",
        "masks",
        "hidden positions",
        "ScaledDotProductAttention",
        "MultiHeadAttention",
        "positions",
        "Autoencoder",
        "terms of the ELBO",
        "adversarial losses",
        "diffusion",
    }
    held_by_golden_values_or_signatures = {"shapes", "ReLU at 0", "randomness"}
    held_by_golden_values_or_signatures |= {"one_hot", "standardize", "relative_error"}
    held_by_golden_values_or_signatures |= {"AdditiveAttention", "RMSNorm", "SwiGLU"}
    held_by_golden_values_or_signatures |= {"Transformer", "GroupedQueryAttention", "PatchEmbedding"}
    held_by_worked_examples = {"WarmupSchedule", "sample", "beam_search", "MixtureOfExperts"}  # test_generation.py
    held_by_golden_values_or_signatures |= held_by_worked_examples
    held_by_golden_values_or_signatures |= {"SparsePenalty", "ContractivePenalty", "VAE", "sparse_coding"}
    held_by_golden_values_or_signatures |= {"gan_step", "DCGAN", "CycleConsistencyLoss", "translation_step"}
    held_by_golden_values_or_signatures |= {"DomainClassificationLoss"}
    held_by_golden_values_or_signatures |= {  # test_training_practice.py
        "k_fold",
        "confusion_matrix",
        "Ensemble",
        "fine_tune",
        "LoRA",
        "searches",
        "gaussian_process_posterior",
        "expected_improvement",
        "learning_rate_finder",
        "LossScaler",
        "Muon",
        "calibration_error",
        "roc_auc",
        "MultiTaskLoss",
    }
    held_by_golden_values_or_signatures |= {  # test_classical.py, and the cases of ties
        "LinearRegression",
        "LogisticRegression",
        "LinearSVM",
        "trees",
        "KMeans",
        "PCA",
        "GaussianMixture",
        "KernelDensity",
    }
    held_by_golden_values_or_signatures |= {  # test_golden_views.py, test_worlds.py
        "worlds",
        "value_iteration",
        "QLearning",
        "policy_gradient",
        "Reinforce",
        "rotation_pretext",
        "UnitLength",
        "NTXent",
        "CLIPLoss",
        "pseudo_label",
        "dqn_step",
        "dpo_loss",
        "grpo_advantages",
    }
    held_by_golden_values_or_signatures |= {  # test_robustness.py
        "attacks",
        "pgd",
        "adversarial_training",
        "magnitude_pruning",
        "quantize_int8",
        "quantized_matmul",
        "packed integers",
        "DistillationLoss",
        "dp_sgd_step",
        "grad_cam",
    }
    held_by_golden_values_or_signatures |= {  # test_performance.py, and checks of calls
        "Conv2dFast",
        "SoftmaxCrossEntropyFused",
        "AdamInPlace",
        "LSTMFusedGates",
        "log-sum-exp",
        "gradient_checkpoint",
        "cosine_topk_blocked",
        "train_fast",
        "RingWorker",
    }
    held_by_golden_values_or_signatures |= {  # test_autograd.py, and the cases of ties
        "Value",
        "Node",
        "no_grad",
        "maximum",
        "power, relu",
        "getitem",
        "matmul",
        "value_and_grad",
        "cross_entropy",
        "GPT",
        "TensorAdam",
    }
    assert set(rows) == held_here | held_by_golden_values_or_signatures


def test_linear_keeps_its_weights_as_in_features_by_out_features(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    x = rng.normal(size=(5, 4))
    assert layer.W.shape == (4, 3)
    assert layer.b.shape == (3,)
    np.testing.assert_allclose(layer(x), x @ layer.W.data + layer.b.data)


def test_backward_adds_to_the_gradient_and_zero_grad_clears_it(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    for _ in range(2):
        layer(x)
        layer.backward(dy)
    np.testing.assert_allclose(layer.W.grad, 2 * x.T @ dy)
    layer.zero_grad()
    assert not layer.W.grad.any()


def test_dtype_in_is_dtype_out_once_the_parameters_are_converted(layers, rng):
    layer = layers["Linear"](4, 3, rng=rng)
    assert layer.W.data.dtype == np.float64
    layer.astype("float32")
    assert layer(np.ones((2, 4), np.float32)).dtype == np.float32


def test_inputs_are_never_written_to(layers, rng):
    x = rng.normal(size=(3, 4))
    kept = x.copy()
    for name in ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU", "Softmax"):
        layer = layers[name]()
        layer(x)
        layer.backward(np.ones_like(x))
        np.testing.assert_array_equal(x, kept)


def test_an_elementwise_loss_is_the_mean_over_all_elements(losses):
    assert float(losses["MeanSquaredError"]()(np.full((2, 3), 2.0), np.zeros((2, 3)))) == pytest.approx(4.0)


def test_a_class_loss_is_the_mean_over_the_batch(losses):
    scores, labels = np.zeros((4, 5)), np.zeros(4, int)
    assert float(losses["SoftmaxCrossEntropy"]()(scores, labels)) == pytest.approx(np.log(5))


def test_kl_divergence_takes_log_probabilities_and_divides_by_the_batch(losses):
    target = np.full((2, 4), 0.25)
    assert float(losses["KLDivergence"]()(np.log(target), target)) == pytest.approx(0)
    uneven = np.log([[0.5, 0.5 / 3, 0.5 / 3, 0.5 / 3]] * 2)
    expected = (target[0] * (np.log(target[0]) - uneven[0])).sum()
    assert float(losses["KLDivergence"]()(uneven, target)) == pytest.approx(expected)


def test_label_smoothing_spreads_its_share_over_all_classes(losses):
    scores, s = np.array([[2.0, -1.0, 0.5]]), 0.3
    log_p = scores - np.log(np.exp(scores).sum())
    target = (1 - s) * np.array([[0, 1, 0]]) + s / 3
    loss = losses["SoftmaxCrossEntropy"](label_smoothing=s)
    assert float(loss(scores, np.array([1]))) == pytest.approx(-float((target * log_p).sum()))


def test_gelu_is_the_tanh_form(layers):
    x = np.array([-1.5, 0.3, 2.0])
    expected = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(layers["GELU"]()(x), expected)


def test_parameters_are_found_by_attribute_in_lists_tuples_and_dicts(layers, rng):
    model = dlkit.Layer()
    model.body = [layers["Linear"](2, 3, rng=rng), (layers["Linear"](3, 3, rng=rng),)]
    model.heads = {"a": layers["Linear"](3, 1, rng=rng)}
    assert list(model.named_parameters()) == [
        "body.0.W", "body.0.b", "body.1.0.W", "body.1.0.b", "heads.a.W", "heads.a.b",
    ]  # fmt: skip


@pytest.mark.parametrize(("dtype", "passes", "rounding"), [("float64", 1e-6, 1e-9), ("float32", 1e-3, 1e-5)])
def test_a_result_passes_up_to_six_digits_and_gets_a_remark_beyond_rounding(dtype, passes, rounding):
    tolerance = {"float64": FLOAT64, "float32": FLOAT32}[dtype]
    assert (tolerance.passes, tolerance.rounding) == (passes, rounding)
    right = np.array([0.5, -40.0], dtype)
    for share, agrees in ((0.9, True), (1.1, False)):
        seen = right + np.array([share * 40 * passes, 0], dtype)
        assert (compare(seen, right, "y", tolerance) is None) is agrees
    check = Check("y", "f", 1.0, None, None, compare_all)
    for share, said in ((0.5, False), (3.0, True)):
        seen = right + np.array([share * 40 * rounding, 0], dtype)
        assert bool(remark_on(check, [{"y": seen}], [(Case(), {"y": right})])) is said


def test_im2col_counts_cells_within_channels_and_places_row_by_row(convolution):
    x = np.arange(12.0).reshape(1, 2, 2, 3)
    columns = convolution["im2col"](x, (1, 2))
    np.testing.assert_array_equal(columns[0], [[0, 1, 3, 4], [1, 2, 4, 5], [6, 7, 9, 10], [7, 8, 10, 11]])
    back = convolution["col2im"](np.ones_like(columns), x.shape, (1, 2))
    np.testing.assert_array_equal(back[0, 0], [[1, 2, 1], [1, 2, 1]])


def test_conv2d_does_not_turn_the_kernel_over_and_pads_with_zeros(convolution, rng):
    layer = convolution["Conv2d"](1, 1, 2, padding=1, rng=rng)
    layer.W.data[...] = [[1, 10], [100, 1000]]
    np.testing.assert_array_equal(layer(np.array([[[[1.0, 2]]]]))[0, 0], [[1000, 2100, 200], [10, 21, 2]])
    assert convolution["Conv2d"](4, 3, (2, 5), rng=rng).W.shape == (3, 4, 2, 5)
    assert convolution["ConvTranspose2d"](4, 3, (2, 5), rng=rng).W.shape == (4, 3, 2, 5)


def test_a_window_is_a_number_or_height_and_width(convolution, rng):
    x = rng.normal(size=(2, 1, 9, 8))
    for name in ("Conv2d", "ConvTranspose2d"):
        shapes = [convolution[name](1, 1, 3, stride, rng=rng)(x).shape for stride in (2, (2, 2))]
        assert shapes[0] == shapes[1]
    assert convolution["Conv2d"](1, 1, (3, 2), (2, 3), 1, 2, rng=rng)(x).shape == (2, 1, 4, 3)


def test_pooling_moves_by_its_kernel_and_pads_as_pytorch(convolution):
    x = np.array([[[[-1.0, -1], [-2, -3]]]])
    assert convolution["MaxPool2d"]((2, 1))(x).shape == (1, 1, 1, 2)
    largest = convolution["MaxPool2d"](2, 1, padding=1)
    np.testing.assert_array_equal(largest(x)[0, 0], [[-1, -1, -1], [-1, -1, -1], [-2, -2, -3]])
    np.testing.assert_array_equal(largest.backward(np.ones((1, 1, 3, 3)))[0, 0], [[4, 2], [2, 1]])
    np.testing.assert_array_equal(convolution["AvgPool2d"](2, 2, padding=1)(x)[0, 0], x[0, 0] / 4)


def test_locally_connected_weights_are_ordered_by_place(convolution, rng):
    layer = convolution["LocallyConnected2d"](2, 3, (5, 4), (2, 3), rng=rng)
    assert layer.W.shape == (4, 2, 3, 2, 2, 3)
    assert layer.b.shape == (3, 4, 2)


def test_a_recursive_net_joins_left_and_right_and_counts_leaves_before_forks(recurrent, rng):
    net = recurrent["RecursiveNet"](2, rng=rng)
    assert net.W.shape == (4, 2)
    x = rng.normal(size=(1, 2, 2))
    y = net(x, np.array([[[1, 0], [2, 1]]]))[0]
    first = np.tanh(np.concatenate([x[0, 1], x[0, 0]]) @ net.W.data + net.b.data)
    np.testing.assert_allclose(y[0], first)
    np.testing.assert_allclose(y[1], np.tanh(np.concatenate([first, x[0, 1]]) @ net.W.data + net.b.data))


def test_the_last_cell_of_a_causal_kernel_meets_the_present(recurrent, rng):
    layer = recurrent["CausalConv1d"](1, 1, 2, dilation=2, rng=rng)
    layer.W.data[...] = [[[10, 1]]]
    np.testing.assert_array_equal(layer(np.array([[[1.0], [2], [3]]]))[0, :, 0], [1, 2, 13])
    assert recurrent["CausalConv1d"](4, 3, 5, rng=rng).W.shape == (3, 4, 5)


def test_locally_connected_weights_over_time_are_ordered_by_place(recurrent, rng):
    layer = recurrent["LocallyConnected1d"](2, 3, 9, 4, 2, rng=rng)
    assert layer.W.shape == (3, 3, 2, 4)
    assert layer.b.shape == (3, 3)


EIGHT = ["SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW"]


def one_parameter(value, gradient):
    parameter = dlkit.Parameter(np.array([value]))
    parameter.grad[...] = gradient
    return parameter


def moved(optimizers, name, gradients, *, start=0.0, **arguments):
    """How far each step descends."""
    parameter = one_parameter(start, 0)
    optimizer = optimizers[name]([parameter], **arguments)
    places = [start]
    for gradient in gradients:
        parameter.grad[...] = gradient
        optimizer.step()
        places.append(float(parameter.data[0]))
    return -np.diff(places)


@pytest.mark.parametrize("name", EIGHT)
def test_a_step_writes_into_the_data_leaves_the_gradient_and_reads_the_rate(optimizers, name):
    parameters = [one_parameter(1.0, 0.5) for _ in range(2)]
    arrays = [parameter.data for parameter in parameters]
    for parameter, lr in zip(parameters, (0.1, 0.2), strict=True):
        optimizer = optimizers[name]([parameter], lr=0.7, weight_decay=0.0)
        optimizer.lr = lr
        optimizer.step()
    assert [parameter.data is array for parameter, array in zip(parameters, arrays, strict=True)] == [True, True]
    assert [float(parameter.grad[0]) for parameter in parameters] == [0.5, 0.5]
    assert 1 - float(arrays[1][0]) == pytest.approx(2 * (1 - float(arrays[0][0])))


@pytest.mark.parametrize("name", EIGHT)
def test_weight_decay_joins_the_gradient_first_and_in_adamw_shrinks_beside_the_step(optimizers, name):
    [decayed] = moved(optimizers, name, [3.0], start=2.0, lr=0.1, weight_decay=0.5)
    [plain] = moved(optimizers, name, [3.0], start=2.0, lr=0.1, weight_decay=0.0)
    [joined] = moved(optimizers, name, [3.0 + 0.5 * 2.0], start=2.0, lr=0.1, weight_decay=0.0)
    assert decayed == pytest.approx(plain + 0.1 * 0.5 * 2.0 if name == "AdamW" else joined)


def test_momentum_keeps_the_rate_outside_and_nesterov_looks_along_the_new_velocity(optimizers):
    steps = moved(optimizers, "Momentum", [1.0, 1.0, 1.0], lr=0.1, momentum=0.9)
    np.testing.assert_allclose(steps, [0.1, 0.19, 0.271])
    ahead = moved(optimizers, "Nesterov", [1.0, 1.0], lr=0.1, momentum=0.9)
    np.testing.assert_allclose(ahead, [0.19, 0.271])
    parameter = one_parameter(0.0, 1.0)
    optimizer = optimizers["Momentum"]([parameter], lr=0.1, momentum=0.9)
    optimizer.step()
    optimizer.lr = 0.01
    optimizer.step()
    assert float(parameter.data[0]) == pytest.approx(-0.1 - 0.01 * 1.9)


def test_epsilon_stands_outside_the_root_and_inside_in_adadelta(optimizers):
    for name in ("Adagrad", "Adam", "AdamW"):
        [step] = moved(optimizers, name, [3.0], lr=1.0, eps=0.5)
        assert step == pytest.approx(3 / 3.5), name
    [step] = moved(optimizers, "RMSprop", [3.0], lr=1.0, alpha=0.75, eps=0.5)
    assert step == pytest.approx(3 / (1.5 + 0.5))
    [step] = moved(optimizers, "Adadelta", [3.0], lr=1.0, rho=0.75, eps=0.5)
    assert step == pytest.approx(3 * 0.5**0.5 / (9 / 4 + 0.5) ** 0.5)


def test_adam_counts_from_one_and_divides_by_what_the_weights_sum_to(optimizers):
    steps = moved(optimizers, "Adam", [4.0, 2.0], lr=1.0, eps=0.0)
    np.testing.assert_allclose(steps, [1, (0.56 / 0.19) / (0.019984 / 0.001999) ** 0.5])


def test_clipping_shortens_all_gradients_by_one_factor_and_returns_the_norm_before(optimizers):
    parameters = [one_parameter(0.0, 3.0), one_parameter(0.0, 4.0)]
    assert float(optimizers["clip_gradient_norm"](parameters, 1.0)) == pytest.approx(5)
    np.testing.assert_allclose([float(p.grad[0]) for p in parameters], np.array([3, 4]) / (5 + 1e-6), rtol=1e-12)
    assert float(optimizers["clip_gradient_norm"](parameters, 1.5)) == pytest.approx(1)
    np.testing.assert_allclose([float(p.grad[0]) for p in parameters], np.array([3, 4]) / (5 + 1e-6), rtol=1e-12)


def test_a_schedule_sets_the_rate_when_made_and_at_every_step(optimizers):
    optimizer = optimizers["SGD"]([one_parameter(0.0, 0.0)], lr=0.4)
    schedule = optimizers["LinearWarmup"](optimizer, 3, start=0.25)
    rates = [optimizer.lr]
    for _ in range(4):
        schedule.step()
        rates.append(optimizer.lr)
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert schedule.rate(1) == pytest.approx(0.2)
    assert type(optimizer.lr) is float


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"), [((300, 50), 300, 50), ((50, 300), 50, 300), ((20, 30, 3, 5), 450, 300)]
)
def test_initial_values_have_the_variance_of_their_fans(regularization, rng, shape, fan_in, fan_out):
    for name, variance in (("xavier_init", 2 / (fan_in + fan_out)), ("he_init", 2 / fan_in)):
        W = regularization[name](shape, rng=rng)
        assert W.var() == pytest.approx(variance, rel=0.06)
        assert abs(W.mean()) < 0.05 * variance**0.5
    normal = regularization["normal_init"](shape, 0.3, rng=rng)
    assert (abs(normal) < 0.3).mean() == pytest.approx(0.683, abs=0.02)


def test_dropout_divides_what_it_keeps_and_does_nothing_in_eval(regularization, rng):
    layer, x = regularization["Dropout"](0.2, rng=rng), np.full((40, 50), 4.0)
    assert set(np.unique(layer(x))) == {0.0, 5.0}
    layer.eval()
    np.testing.assert_array_equal(layer(x), x)


def test_batch_norm_weighs_the_new_value_and_keeps_an_unbiased_variance(regularization):
    layer = regularization["BatchNorm"](1, momentum=0.25, eps=2.0)
    y = layer(np.array([[0.0], [0], [3]]))  # variance 2, unbiased 3
    np.testing.assert_allclose(y[:, 0], np.array([-1, -1, 2]) / (2 + 2.0) ** 0.5)
    np.testing.assert_allclose([layer.running_mean[0], layer.running_var[0]], [0.25, 0.75 + 0.25 * 3])


def test_layer_norm_divides_by_the_number_of_features(regularization):
    layer = regularization["LayerNorm"](3, eps=2.0)
    np.testing.assert_allclose(layer(np.array([[0.0, 0, 3]]))[0], np.array([-1, -1, 2]) / (2 + 2.0) ** 0.5)


def test_a_penalty_is_half_of_lambda_times_the_squares_of_all_with_two_axes(regularization):
    W, b = dlkit.Parameter(np.full((1, 2), 3.0)), dlkit.Parameter(np.full(2, 3.0))
    penalty = regularization["L2Penalty"]([W, b], 0.5)
    assert penalty.forward() == pytest.approx(0.25 * 18)
    for _ in range(2):
        penalty.backward()
    np.testing.assert_allclose(W.grad, [[3, 3]])
    assert not b.grad.any()


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([1.0, 1.0, 1.0], [False, False, True]),
        ([1.0, 0.75, 0.5], [False, False, False]),
        ([float("nan"), 1.0, float("nan"), 0.875], [False, False, False, True]),
    ],
)
def test_stopping_takes_patience_epochs_in_a_row_that_are_not_better_by_more_than_min_delta(
    regularization, losses, said
):
    stopper = regularization["EarlyStopping"]([one_parameter(0.0, 0.0)], patience=2, min_delta=0.25)
    assert [bool(stopper.update(loss)) for loss in losses] == said


def test_augmentation_draws_for_every_image_and_brings_in_nothing(regularization, rng):
    x = np.ones((500, 1, 3, 3))
    for y in (
        regularization["random_shift"](x, 1, rng=rng),
        regularization["random_crop"](x, (3, 3), 1, rng=rng),
    ):
        assert y.shape == x.shape
        assert set(np.unique(y)) == {0.0, 1.0}
        assert len(np.unique(y, axis=0)) == 9
    arrow = np.array([[[[0.0, 1]]]]).repeat(100, axis=0)
    np.testing.assert_array_equal(
        np.unique(regularization["random_flip"](arrow, rng=rng), axis=0)[:, 0, 0], [[0, 1], [1, 0]]
    )
    assert len(np.unique(regularization["gaussian_noise"](x, 0.1, rng=rng))) == x.size


def test_mixup_mixes_rows_and_targets_with_one_share_and_one_order(regularization, rng):
    for _ in range(5):
        x, t = regularization["Mixup"](0.7, rng=rng).mix(np.eye(9), np.eye(9))
        np.testing.assert_array_equal(x, t)
        np.testing.assert_allclose(x.sum(axis=0), 1)
        assert len(np.unique(np.diagonal(x)[np.diagonal(x) < 1])) == 1


def test_a_seed_draws_the_same_parameters_everywhere(layers):
    first = layers["Linear"](4, 3, rng=np.random.default_rng(7)).W.data
    loaded = catalogue.load("02_layers", ROOT)
    again = loaded.subject(loaded.assignment.exercise("Linear")).make("Linear", 4, 3, rng=Rng(7)).get("W.data")
    np.testing.assert_array_equal(first, again)


def test_recurrent_layers_show_every_hidden_state_and_keep_one_array_of_states(recurrent, rng):
    x = rng.normal(size=(2, 5, 3))
    rnn, gru, lstm = (recurrent[name](3, 4, rng=rng) for name in ("RNN", "GRU", "LSTM"))
    stack = recurrent["StackedRNN"]([recurrent["LSTM"](3, 4, rng=rng), recurrent["LSTM"](4, 4, rng=rng)], rng=rng)
    both = recurrent["Bidirectional"](recurrent["LSTM"](3, 4, rng=rng), recurrent["LSTM"](3, 4, rng=rng))
    for layer, shape in [(rnn, (4,)), (gru, (4,)), (lstm, (2, 4)), (stack, (2, 2, 4)), (both, (2, 2, 4))]:
        h, last = layer.forward(x)
        assert h.shape == (2, 5, layer.out_features)
        assert last.shape == (2, *shape)
        assert layer.state_shape == shape
        dx, dstate = layer.backward(h, last)  # one upstream gradient for each output, one gradient for each input
        assert (dx.shape, dstate.shape) == (x.shape, last.shape)
    for layer in (rnn, gru):
        h, last = layer.forward(x)
        np.testing.assert_array_equal(last, h[:, -1])
    h, last = lstm.forward(x)
    np.testing.assert_array_equal(last[:, 0], h[:, -1])


def test_a_mask_holds_the_state_and_shows_it_again(recurrent, rng):
    x = rng.normal(size=(1, 4, 3))
    for name in ("RNN", "GRU", "LSTM"):
        h, last = recurrent[name](3, 4, rng=rng).forward(x, None, np.array([[1, 1, 0, 0]]))
        np.testing.assert_array_equal(h[:, 2], h[:, 1])
        np.testing.assert_array_equal(h[:, 3], h[:, 1])
        np.testing.assert_array_equal(last.reshape(1, -1)[:, :4], h[:, 1])


def test_gates_stand_beside_each_other_in_the_columns(recurrent, rng):
    lstm, gru = (recurrent[name](3, 4, rng=rng) for name in ("LSTM", "GRU"))
    assert [p.shape for p in lstm.parameters()] == [(3, 16), (4, 16), (16,)]
    assert [p.shape for p in gru.parameters()] == [(3, 12), (4, 12), (12,), (4,)]
    np.testing.assert_array_equal(lstm.b.data.reshape(4, 4), np.repeat([[0], [1], [0], [0]], 4, axis=1))
    x, state = np.zeros((1, 1, 3)), rng.normal(size=(1, 2, 4))
    lstm.b.data[...] = np.repeat([-50, 50, 0, 50], 4)  # input gate shut, forget and output gates open
    np.testing.assert_allclose(lstm.forward(x, np.stack([0 * state[:, 0], state[:, 1]], axis=1))[1][:, 1], state[:, 1])
    gru.b.data[...] = np.repeat([0, 50, 0], 4)  # z is 1: the old state stays
    np.testing.assert_allclose(gru.forward(x, 0.1 * state[:, 0])[1], 0.1 * state[:, 0])


def test_byte_pairs_overlap_and_ties_go_to_the_greater_byte_strings(embeddings):
    tokenizer = embeddings["BPETokenizer"]()
    tokenizer.train("aabdaaabac", 258)
    assert tokenizer.merges == [(97, 97), (100, 256)]
    tokenizer.train("ab ac", 257)
    assert tokenizer.merges == [(98, 32)]
    assert tokenizer.encode("b b") == [256, 98]


def test_a_table_has_a_row_for_each_id_and_none_of_the_padding_learns(embeddings, rng):
    layer = embeddings["Embedding"](5, 3, 2, rng=rng)
    assert layer.W.shape == (5, 3)
    assert not layer.W.data[2].any()
    layer.forward(np.array([[2, 1], [1, 4]]))
    assert layer.backward(np.ones((2, 2, 3))) is None
    assert layer.W.grad[:, 0].tolist() == [0, 2, 0, 0, 1]


def test_negatives_have_counts_to_the_power_three_quarters_and_are_not_the_positive(embeddings, rng):
    drawn = embeddings["draw_negatives"](np.zeros(20_000, int), np.array([10_000, 16, 0, 81]), 2, rng=rng)
    assert set(drawn.ravel().tolist()) == {1, 3}
    assert abs((drawn == 3).mean() - 27 / 35) < 0.02


def test_the_loss_of_pairs_is_summed_over_the_negatives_alone(embeddings):
    loss = embeddings["SkipGramNegativeSampling"]()
    zeros = np.zeros((4, 2))
    np.testing.assert_allclose(loss.forward(zeros, zeros, np.zeros((4, 3, 2))), 4 * np.log(2))


def test_neighbours_leave_the_query_out_and_zeros_have_no_direction(embeddings):
    vectors = np.array([[2.0, 0], [1, 1], [0, 0], [-3, 0]])
    ids, similarities = embeddings["cosine_neighbours"](vectors, np.array([0]), 3)
    assert ids.tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(similarities, [[0.5**0.5, 0, -1]])


def test_singular_vectors_are_not_centred_and_have_a_sign(embeddings):
    U, s, V = embeddings["truncated_svd"](np.array([[-3.0, 0], [0, -2], [0, 0]]), 2)
    np.testing.assert_allclose(s, [3, 2])
    np.testing.assert_allclose(V, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(U, [[-1, 0], [0, -1], [0, 0]], atol=1e-12)


def test_a_sentence_is_divided_by_its_number_of_words(embeddings):
    ids, mask = np.array([[0, 1, 0], [1, 1, 1]]), np.array([[1, 1, 0], [0, 0, 0]])
    vectors, p = np.array([[1.0, 0], [0, 2]]), np.array([0.1, 0.3])
    mean = embeddings["sentence_embedding"]
    np.testing.assert_allclose(mean(ids, mask, vectors), [[0.5, 1], [0, 0]])
    weighted = mean(np.array([[0, 0], [0, 1]]), np.ones((2, 2)), vectors, p, a=0.1)
    x = np.array([[0.5, 0], [0.25, 0.25]])
    v = np.linalg.svd(x)[2][0]
    np.testing.assert_allclose(weighted, x - np.outer(x @ v, v))


def test_the_weight_of_a_word_is_smoothed_and_rows_have_length_one(embeddings):
    row = np.array([4, np.log(1.5) + 1])
    np.testing.assert_allclose(embeddings["tf_idf"](np.array([[3, 0], [4, 1]])), [[1, 0], row / np.linalg.norm(row)])


def test_a_mask_of_attention_is_true_where_a_query_may_look_and_hides_everything_else(attention, rng):
    layer, x = attention["ScaledDotProductAttention"](), rng.normal(size=(1, 3, 4))
    first = np.array([[True, False, False]] * 2 + [[False] * 3])
    x[0, 2] = np.nan  # sees nothing, and is seen by nobody
    y = layer.forward(x, x, x, first)
    np.testing.assert_array_equal(y, [[x[0, 0], x[0, 0], np.zeros(4)]])
    np.testing.assert_array_equal(layer.weights, first[None])
    assert all(np.isfinite(gradient).all() for gradient in layer.backward(np.ones((1, 3, 4))))


def test_scores_are_divided_by_the_root_of_head_dim(attention):
    layer = attention["ScaledDotProductAttention"]()
    layer.forward(np.full((1, 1, 4), 2.0), np.array([[[1.0] * 4, [0.0] * 4]]), np.zeros((1, 2, 1)))
    assert layer.weights[0, 0, 0] == pytest.approx(1 / (1 + np.exp(-4)))


def test_attention_that_reads_itself_returns_two_gradients_without_biases(attention, rng):
    layer, x = attention["MultiHeadAttention"](4, 2, rng=rng), rng.normal(size=(2, 3, 4))
    layer.forward(x, x)
    assert len(layer.backward(x)) == 2
    assert {name: p.shape for name, p in layer.named_parameters().items()} == dict.fromkeys(
        ("Wq", "Wk", "Wv", "Wo"), (4, 4)
    )


def test_positions_are_waves_side_by_side_and_rotations_of_halves_that_count_from_start(attention):
    waves, rope = attention["PositionalEncoding"](4), attention["RoPE"](4)
    angles = 3 * np.array([1, 0.01])
    expected = [np.sin(angles[0]), np.cos(angles[0]), np.sin(angles[1]), np.cos(angles[1])]
    np.testing.assert_allclose(waves.forward(np.zeros((1, 1, 4)), 3)[0, 0], expected)
    turned = rope.forward(np.array([[[1.0, 1, 0, 0]]]), 3)[0, 0]
    np.testing.assert_allclose(turned, [*np.cos(angles), *np.sin(angles)])


class Same(dlkit.Layer):
    """y = x."""

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


def test_an_autoencoder_loses_numbers_in_training_and_divides_nothing(generative, rng):
    model, x = generative["Autoencoder"](Same(), Same(), 0.5, rng=rng), np.full((50, 4), 3.0)
    y, code = model.forward(x)
    assert set(y.ravel().tolist()) == {0, 3}
    np.testing.assert_array_equal(model.backward(np.ones((50, 4)), np.ones((50, 4))), 2 * (code > 0))
    model.eval()
    np.testing.assert_array_equal(model.forward(x)[0], x)


def test_terms_of_the_elbo_are_summed_over_dimensions_and_averaged_over_the_batch(generative):
    kl, nll = generative["GaussianKL"](), generative["BernoulliLikelihood"]()
    assert float(kl.forward(np.ones((5, 3)), np.zeros((5, 3)))) == pytest.approx(1.5)
    assert float(kl.forward(np.zeros((5, 2)), np.full((5, 2), np.log(4)))) == pytest.approx(3 - np.log(4))
    assert float(nll.forward(np.zeros((5, 2, 3)), np.full((5, 2, 3), 0.3))) == pytest.approx(6 * np.log(2))


def test_adversarial_losses_are_means_over_batches_of_different_sizes(generative):
    judged, sure = generative["DiscriminatorLoss"](), np.full((3, 1), 50.0)
    assert float(judged.forward(np.zeros((5, 1)), np.zeros((2, 1)))) == pytest.approx(2 * np.log(2))
    assert float(judged.forward(sure, sure)) == pytest.approx(50)
    dreal, dfake = judged.backward()
    np.testing.assert_allclose(dreal, 0, atol=1e-12)
    np.testing.assert_allclose(dfake, 1 / 3)
    for minimax, slope in ((False, -1 / 3), (True, 0)):
        fooled = generative["GeneratorLoss"](minimax)
        fooled.forward(-sure)
        np.testing.assert_allclose(fooled.backward(), slope, atol=1e-12)


class Told(dlkit.Layer):
    """Guesses the label of each row, in all numbers."""

    def forward(self, x, t, labels):
        return 0 * x + (labels + t)[:, None]


def test_diffusion_counts_from_zero_guides_beyond_the_label_and_adds_beta(generative, rng):
    beta, x = np.array([0.19, 5 / 9]), np.full((20_000, 2), 2.0)
    noisy = generative["q_sample"](x[:2], np.array([0, 1]), np.ones((2, 2)), beta)
    np.testing.assert_allclose(noisy[:, 0], [0.9 * 2 + 0.19**0.5, 0.6 * 2 + 0.8])
    guided = generative["guided_noise"](x[:1], np.array([1]), np.array([3]), 2.0, 10, model=Told())
    np.testing.assert_allclose(guided, 3 * 4 - 2 * 11)
    back = generative["p_sample"](x, 1, 0 * x, beta, rng=rng)
    np.testing.assert_allclose(back.mean(), 3, atol=0.03)
    np.testing.assert_allclose(back.var(), 5 / 9, rtol=0.05)
    last = generative["p_sample"](x, 0, 0 * x, beta, rng=rng)
    np.testing.assert_allclose(last, 2 / 0.9)
