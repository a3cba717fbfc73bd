import copy
import math
import operator

import numpy as np
import pytest

import dlkit
from dlkit.stand_in import DeviceArray, HostTransferError, hot_path


@pytest.fixture
def xp():
    with dlkit.use("stand-in") as device:
        yield device.module


def move(host):
    with dlkit.use("stand-in"):
        return dlkit.asarray(host)


@pytest.fixture
def host(rng):
    return rng.uniform(0.5, 2, size=(3, 4))


@pytest.fixture
def x(host):
    return move(host.copy())


def same(expected, device):
    assert isinstance(device, DeviceArray)
    assert device.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(expected, dlkit.to_numpy(device))


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge,
]  # fmt: skip


@pytest.mark.parametrize("operate", BINARY, ids=lambda f: f.__name__)
def test_an_operator_gives_what_numpy_gives_and_stays_on_the_device(operate, host, x):
    same(operate(host, host[0]), operate(x, x[0]))
    same(operate(host, 2.0), operate(x, 2.0))
    same(operate(2.0, host), operate(2.0, x))


def test_unary_operators_and_matmul_stay_on_the_device(host, x):
    same(-host, -x)
    same(abs(host), abs(x))
    same(~(host > 1), ~(x > 1))
    same(host @ host.T, x @ x.T)
    same(host[0] @ host[1], x[0] @ x[1])


@pytest.mark.parametrize("operate", BINARY, ids=lambda f: f.__name__)
def test_a_host_array_met_by_a_device_array_is_refused(operate, host, x):
    with pytest.raises(HostTransferError, match=r"combines a NumPy array with a device array"):
        operate(x, host)
    with pytest.raises(HostTransferError, match=r"combines a NumPy array with a device array"):
        operate(host, x)


def test_a_host_array_in_place_is_refused_from_either_side(host, x):
    before = host.copy()
    with pytest.raises(HostTransferError):
        x += host
    with pytest.raises(HostTransferError):
        host += x
    np.testing.assert_array_equal(before, host)
    np.testing.assert_array_equal(before, dlkit.to_numpy(x))


def test_a_host_array_handed_to_a_function_is_refused(xp, host, x):
    for call in (
        lambda: xp.concatenate([x, host]),
        lambda: xp.where(host > 1, x, 0.0),
        lambda: xp.einsum("ij,ij->i", x, host),
        lambda: xp.exp(host),
        lambda: np.concatenate([x, host]),
        lambda: x.dot(host.T),
        lambda: xp.add(x, 1.0, out=host),
        lambda: xp.add.at(x, host, 1.0),
        lambda: xp.stack({"arrays": [host]}["arrays"]),
    ):
        with pytest.raises(HostTransferError):
            call()


def test_a_host_mask_or_index_is_refused(host, x):
    with pytest.raises(HostTransferError):
        x[host > 1]
    with pytest.raises(HostTransferError):
        x[host > 1] = 0
    with pytest.raises(HostTransferError):
        x[np.array([0, 1])]
    with pytest.raises(HostTransferError):
        x[0] = host[0]


def test_a_device_index_into_a_host_array_is_refused(host):
    with pytest.raises(HostTransferError):
        host[move(np.array([0, 1]))]


@pytest.mark.parametrize(
    "pull",
    [np.asarray, np.array, float, int, bool, complex, range, math.exp, operator.index, lambda y: y.item(),
     lambda y: y.tolist(), lambda y: y.tobytes(), lambda y: y.data, lambda y: max(y, 1), lambda y: y and 1],
)  # fmt: skip
def test_what_pulls_a_number_to_the_host_is_refused(pull):
    with pytest.raises(HostTransferError, match="CPU memory"):
        pull(move(np.array(2.0)))


def test_to_numpy_is_refused_on_a_hot_path_alone(x):
    with hot_path(), pytest.raises(HostTransferError, match="to_numpy"):
        dlkit.to_numpy(x)
    assert type(dlkit.to_numpy(x)) is np.ndarray


def test_a_hot_path_lets_host_arrays_be(host):
    with hot_path():
        assert dlkit.to_numpy(host) is host


def test_what_comes_back_from_the_device_is_a_copy(host, x):
    dlkit.to_numpy(x)[...] = 0
    same(host, x)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod", "any", "argmax", "std"])
def test_a_reduction_gives_an_array_of_no_dimensions_on_the_device(xp, reduce, host, x):
    for device in (getattr(x, reduce)(), getattr(xp, reduce)(x)):
        same(getattr(host, reduce)(), device)
        assert device.shape == ()


def test_a_comparison_of_whole_arrays_stays_on_the_device(xp, x):
    for device in (xp.allclose(x, x), xp.array_equal(x, x), xp.count_nonzero(x)):
        assert isinstance(device, DeviceArray)


def test_functions_of_the_namespace_stay_on_the_device(xp, host, x):
    same(np.where(host > 1, host, 0.0), xp.where(x > 1, x, 0.0))
    same(np.concatenate([host, host], axis=1), xp.concatenate([x, x], axis=1))
    same(np.stack((host, host)), xp.stack((x, x)))
    same(np.einsum("ij,kj->ik", host, host), xp.einsum("ij,kj->ik", x, x))
    same(np.maximum(host, 1.0), xp.maximum(x, 1.0))
    same(np.zeros_like(host), xp.zeros_like(x))
    same(np.broadcast_to(host[0], (5, 4)), xp.broadcast_to(x[0], (5, 4)))
    same(np.arange(3), xp.arange(3))
    same(np.add.reduce(host), xp.add.reduce(x))
    same(np.exp(host), np.exp(x))
    same(np.sum(host, axis=0), np.sum(x, axis=0))


def test_submodules_stay_on_the_device(xp, host, x):
    same(np.linalg.norm(host, axis=1), xp.linalg.norm(x, axis=1))
    same(np.linalg.inv(host[:, :3]), xp.linalg.inv(x[:, :3]))
    same(np.fft.rfft(host), xp.fft.rfft(x))
    same(
        np.lib.stride_tricks.sliding_window_view(host, (2, 2)),
        xp.lib.stride_tricks.sliding_window_view(x, (2, 2)),
    )
    same(
        np.lib.stride_tricks.as_strided(host, (2, 2), host.strides),
        xp.lib.stride_tricks.as_strided(x, (2, 2), x.strides),
    )


def test_named_results_stay_on_the_device(xp, host, x):
    found = xp.linalg.svd(x, full_matrices=False)
    assert all(isinstance(part, DeviceArray) for part in found)
    assert isinstance(found.S, DeviceArray)
    values, vectors = xp.linalg.eigh(x @ x.T)
    same(np.linalg.eigh(host @ host.T)[0], values)
    assert isinstance(vectors, DeviceArray)


def test_grids_are_made_on_the_device(xp):
    same(np.mgrid[:2, :3], xp.mgrid[:2, :3])
    assert all(isinstance(axis, DeviceArray) for axis in xp.ogrid[:2, :3])
    same(np.r_[1.0, 2.0], xp.r_[1.0, 2.0])


def test_constants_and_types_are_numpys(xp):
    assert xp.pi == np.pi
    assert xp.float32 is np.float32
    assert xp.newaxis is None


def test_random_numbers_are_to_be_drawn_on_the_host(xp):
    with pytest.raises(HostTransferError, match=r"draw with numpy\.random\.Generator"):
        xp.random  # noqa: B018


def test_an_out_argument_is_written_and_returned(xp, host, x):
    out = xp.zeros_like(x)
    assert np.add(x, 1.0, out=out) is out
    assert xp.add(x, 1.0, out=out) is out
    assert xp.add(x, 1.0, out=(out,)) is out
    same(host + 1.0, out)
    assert xp.sum(x, axis=0, out=out[0]).shape == (4,)
    same(host.sum(axis=0), out[0])


def test_an_update_in_place_keeps_the_array(host, x):
    kept = x
    x += 1.0
    x *= x
    x -= x[0]
    assert x is kept
    expected = (host + 1.0) ** 2
    np.testing.assert_allclose(expected - expected[0], dlkit.to_numpy(x), rtol=1e-15)


def test_indexing_gives_views_and_copies_as_numpy_does(host, x):
    same(host[1], x[1])
    same(host[:, ::2], x[:, ::2])
    same(host[None, ..., 0], x[None, ..., 0])
    same(host[[0, 2]], x[[0, 2]])
    same(host[host > 1], x[x > 1])
    same(host[np.array([2, 0]), np.array([1, 1])], x[move(np.array([2, 0])), move(np.array([1, 1]))])
    x[x > 1] = 0.0
    x[0] = x[1]
    x[2, 0] = 5.0
    host[host > 1] = 0.0
    host[0] = host[1]
    host[2, 0] = 5.0
    same(host, x)


def test_a_view_writes_through(host, x):
    x[1][...] = 0.0
    x.T[0] += 1.0
    host[1] = 0.0
    host[:, 0] += 1.0
    same(host, x)


def test_attributes_that_need_no_transfer_are_plain(host, x):
    assert (x.shape, x.ndim, x.size, x.dtype) == (host.shape, host.ndim, host.size, host.dtype)
    assert len(x) == 3
    same(host.T, x.T)
    same(host.reshape(2, 6), x.reshape(2, 6))
    same(host.astype(np.float32), x.astype(np.float32))


def test_rows_can_be_walked_over(host, x):
    for row, expected in zip(x, host, strict=True):
        same(expected, row)


def test_float32_stays_float32():
    x = move(np.ones(3, np.float32))
    assert (x * 2.0 + 1).dtype == np.float32


def test_a_repr_shows_shape_and_no_numbers(x):
    assert repr(x) == "DeviceArray(shape=(3, 4), dtype=float64)"


def test_a_deep_copy_is_independent(host, x):
    twin = copy.deepcopy(x)
    twin += 1.0
    same(host, x)
    same(host + 1.0, twin)


def test_a_device_array_has_no_hash(x):
    with pytest.raises(TypeError):
        hash(x)


def test_an_unknown_name_is_an_attribute_error(x):
    with pytest.raises(AttributeError):
        x.nonesuch  # noqa: B018
    with pytest.raises(AttributeError):
        object.__new__(DeviceArray).shape  # noqa: B018
