import contextlib
import json
import math
import os
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.isolation import protocol
from autograder.isolation.protocol import PREFIX, Channel, Deadline, ProtocolError
from autograder.isolation.tree import (
    MAX_DEPTH,
    MAX_KEYS,
    MAX_NODES,
    Code,
    New,
    Opaque,
    Ref,
    Rng,
    Strided,
    decode,
    encode,
)
from tests.sampling import examples

DTYPES = ["?", "i1", "u1", "<i2", ">i4", "<i8", "<u8", "<f2", "<f4", ">f8", "<f8", "<c8", "<c16", np.dtype("g").str]


def read(data, **kwargs):
    """What a channel reads from these bytes, after which the writer closes the pipe."""
    ours, theirs = os.pipe()
    writer = threading.Thread(target=write_all, args=(theirs, data))
    writer.start()
    try:
        return Channel(ours, -1).receive(**kwargs)
    finally:
        os.close(ours)
        writer.join()


def write_all(fd, data):
    view = memoryview(data)
    with contextlib.suppress(BrokenPipeError):
        while view:
            view = view[os.write(fd, view) :]
    os.close(fd)


def frame(header, body=b"", *, header_size=None, body_size=None):
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    sizes = (len(head) if header_size is None else header_size, len(body) if body_size is None else body_size)
    return PREFIX.pack(*sizes) + head + body


def crossed(tree, *, markers=False):
    """The tree after it has gone through a pipe."""
    arrays = []
    header = {"id": "1", "value": encode(tree, arrays)}
    ours, theirs = os.pipe()
    sender = threading.Thread(target=Channel(-1, theirs).send, args=(header, arrays))
    sender.start()
    try:
        reply, received = Channel(ours, -1).receive()
    finally:
        sender.join()
        os.close(ours)
        os.close(theirs)
    return decode(reply["value"], received, markers=markers)


def same(left, right):
    if isinstance(left, np.ndarray | np.generic):
        return (
            isinstance(right, np.ndarray) == isinstance(left, np.ndarray)
            and (left.dtype, left.shape) == (right.dtype, right.shape)
            and np.array_equal(left, right, equal_nan=left.dtype.kind in "fc")
        )
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return left == right


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
keys = st.one_of(
    st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.tuples(st.integers(), st.text(max_size=2))
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 9000), 1 << 9000),
    st.floats(),
    st.text(max_size=20),
    arrays,
    arrays.map(lambda array: array[..., ::2] if array.ndim else array),
    arrays.map(lambda array: array.T),
    arrays.filter(lambda array: array.size).map(lambda array: array.reshape(-1)[0]),
    st.builds(Opaque, st.text(max_size=10)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
    ),
    max_leaves=12,
)
relaxed = settings(deadline=None, max_examples=examples(60, 150), suppress_health_check=list(HealthCheck))


# --- what may cross --------------------------------------------------------------------------


@relaxed
@given(trees)
def test_every_tree_of_data_comes_back_as_it_was(tree):
    assert same(crossed(tree), tree)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (2, 3)])
def test_arrays_of_every_dtype_and_shape_come_back(dtype, shape):
    array = np.ones(shape, dtype)
    assert same(crossed(array), array)


def test_a_non_contiguous_array_comes_back_with_its_values():
    array = np.arange(24.0).reshape(4, 6)[::2, ::3]
    assert not array.flags.c_contiguous
    assert same(crossed([array, array.T]), [array, array.T])


def test_an_array_larger_than_a_pipe_comes_back():
    array = np.arange(1 << 18, dtype=float)
    assert same(crossed({"x": array}), {"x": array})


def test_numpy_scalars_stay_numpy_scalars():
    value = crossed([np.float32(1.5), np.int8(-3), np.bool_(True), np.complex128(1 + 2j)])  # noqa: FBT003
    assert [type(item) for item in value] == [np.float32, np.int8, np.bool_, np.complex128]


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63), 1 << 5000, -(7**3000)])
def test_whole_numbers_beyond_64_bits_come_back_exactly(value):
    assert crossed(value) == value


def test_half_a_character_becomes_a_question_mark():
    assert crossed({"\ud800": "a\udfffb", "c": "\\ud800 \N{GRINNING FACE}"}) == {
        "?": "a?b",
        "c": "\\ud800 \N{GRINNING FACE}",
    }


def test_a_value_of_a_class_derived_from_a_plain_one_crosses_as_the_plain_one():
    class Name(str):
        __slots__ = ()

    class Row(list):
        __slots__ = ()

    back = crossed({Name("a"): Row([np.str_("b"), np.float64(2.0)])})
    assert back == {"a": ["b", 2.0]}
    assert [type(item) for item in back["a"]] == [str, np.float64]


def test_a_number_of_a_million_bits_is_refused():
    with pytest.raises(TypeError, match="1000001 bits cannot cross"):
        encode(1 << 1_000_000, [])


MARKERS = [
    Rng(3),
    Ref(5),
    Code("lambda x: x"),
    New("Linear", 3, 4, rng=Rng(0)),
    New("Sequential", [New("Linear", 2, 2, rng=Rng(1)), New("ReLU")]),
]


@pytest.mark.parametrize("marker", MARKERS, ids=repr)
def test_markers_come_back_on_the_workers_side(marker):
    assert crossed({"arguments": [marker]}, markers=True) == {"arguments": [marker]}


def test_a_strided_array_comes_back_on_the_workers_side():
    back = crossed(Strided(np.arange(6.0)), markers=True)
    assert isinstance(back, Strided)
    assert same(back.array, np.arange(6.0))


@pytest.mark.parametrize("marker", [*MARKERS, Strided(np.ones(2))], ids=repr)
def test_a_marker_from_a_worker_is_refused(marker):
    with pytest.raises(ProtocolError, match="may not cross"):
        crossed([1, {"a": marker}])


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        1j,
        b"bytes",
        len,
        np.array([object()]),
        np.array(["text"]),
        np.zeros(2, "M8[s]"),
        np.zeros(1, "V4"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, np.ndarray) else value.dtype.str,
)
def test_nothing_else_can_be_encoded(value):
    with pytest.raises(TypeError, match="cannot cross"):
        encode([value], [])


# --- what is refused -------------------------------------------------------------------------


@pytest.fixture
def no_allocation(monkeypatch):
    """Fail where the parser allocates a body."""

    def refuse(*_):
        message = "a body was allocated"
        raise AssertionError(message)

    monkeypatch.setattr(protocol.np, "empty", refuse)


def array_frame(dtype, shape, body=b"", **kwargs):
    return frame({"id": "1", "arrays": [[dtype, shape]]}, body, **kwargs)


BAD_FRAMES = {
    "header of 4 GB": frame({}, header_size=(1 << 32) - 1),
    "header over the limit": frame({}, header_size=protocol.MAX_HEADER + 1),
    "body of 2**63 bytes": frame({"arrays": []}, body_size=1 << 63),
    "body over the limit": frame({"arrays": []}, body_size=protocol.MAX_BODY + 1),
    "negative shape": array_frame("<f8", [-1]),
    "two negative sides": array_frame("<f8", [-2, -4], bytes(64)),
    "huge shape": array_frame("<f8", [1 << 40]),
    "a product beyond 64 bits": array_frame("<f8", [1 << 28] * 16),
    "huge and empty": array_frame("<f8", [0, 1 << 28, 1 << 28, 1 << 28]),
    "a shape of text": array_frame("<f8", ["2"], bytes(16)),
    "a shape of floats": array_frame("<f8", [2.0], bytes(16)),
    "a shape of booleans": array_frame("<f8", [True], bytes(8)),
    "too many dimensions": array_frame("<f8", [1] * 17, bytes(8)),
    "unknown dtype": array_frame("<q9", [1], bytes(8)),
    "no dtype": array_frame("", [1], bytes(8)),
    "a dtype that is a structure": array_frame("f,f", [1], bytes(8)),
    "a dtype with a shape": array_frame("2f4", [1], bytes(8)),
    "a dtype that numpy cannot parse": array_frame("9f|", [1], bytes(8)),
    "a dtype of another alphabet": array_frame("ƒ8", [1], bytes(8)),
    "object dtype": array_frame("|O", [1], bytes(8)),
    "object dtype by letter": array_frame("O", [1], bytes(8)),
    "void dtype": array_frame("|V8", [1], bytes(8)),
    "string dtype": array_frame("<U2", [1], bytes(8)),
    "date dtype": array_frame("<M8", [1], bytes(8)),
    "dtype that is a list": frame({"arrays": [[["<f8"], [1]]]}, bytes(8)),
    "long dtype": array_frame("float64", [1], bytes(8)),
    "array without shape": frame({"arrays": [["<f8"]]}),
    "arrays that are no list": frame({"arrays": {"0": ["<f8", []]}}),
    "no arrays": frame({"id": "1"}),
    "too many arrays": frame({"arrays": [["|i1", [0]]] * (protocol.MAX_ARRAYS + 1)}),
    "body longer than its arrays": array_frame("<f8", [1], bytes(9)),
    "body without arrays": frame({"arrays": []}, b"x"),
    "body shorter than its arrays": array_frame("<f8", [2], bytes(15)),
    "header is no JSON": frame(b"{"),
    "header is no text": frame(b"\xff\xfe{}"),
    "header is a list": frame([1]),
    "header is a number": frame(b"3"),
    "deep nesting": frame(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a number of a million digits": frame(b'{"arrays": [], "value": ' + b"1" * 1_000_000 + b"}"),
    "not a number": frame(b'{"arrays": [], "value": NaN}'),
    "infinity": frame(b'{"arrays": [], "value": -Infinity}'),
    "half a character": frame(b'{"arrays": [], "value": "\\ud800"}'),
    "half a character in a key": frame(b'{"arrays": [], "\\\\\\udC00": 1}'),
    "two values": frame(b'{"arrays": []}{}'),
    "space before the header": frame(b' {"arrays": []}'),
    "an empty header": frame(b""),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_malformed_frame_is_refused_before_anything_is_allocated(name, no_allocation):
    with pytest.raises(ProtocolError):
        read(BAD_FRAMES[name])


BAD_TREES = {
    "index beyond the arrays": {"a": 1},
    "negative index": {"a": -1},
    "index that is text": {"a": "0"},
    "scalar of an array": {"s": 0},
    "index that is a boolean": {"a": True},
    "number beyond 64 bits": 1 << 63,
    "float that is none": math.inf,
    "two tags": {"a": 0, "s": 0},
    "mapping of names that is a list": {"m": [["key", 1]]},
    "unknown kind": {"z": 1},
    "empty object": {},
    "float by another name": {"f": "1e400"},
    "number that is none": {"big": "²"},
    "number with two signs": {"big": "--5"},
    "number of a million digits": {"big": "1" * 1_000_000},
    "tuple that is no list": {"t": 3},
    "mapping that is no list": {"d": {"a": 1}},
    "mapping of single items": {"d": [["key"]]},
    "mapping whose key is a list": {"d": [[[1], 2]]},
    "mapping whose key is an array": {"d": [[{"a": 0}, 2]]},
    "mapping whose key cannot be hashed": {"d": [[{"t": [[1]]}, 2]]},
    "mapping whose key is opaque": {"d": [[{"o": "x"}, 2]]},
    "class name that is a number": {"o": 3},
}


@pytest.mark.parametrize("name", BAD_TREES)
def test_a_malformed_tree_is_refused(name):
    with pytest.raises(ProtocolError, match=r"cross|pair|plain data"):
        decode([BAD_TREES[name]], [np.ones(3)])


def test_many_keys_that_are_no_text_are_refused_for_they_may_collide():
    collide = {"d": [[{"big": f"{k * ((1 << 61) - 1):x}"}, 0] for k in range(MAX_KEYS + 1)]}
    with pytest.raises(ProtocolError, match="too many keys"):
        decode(collide, [])
    assert len(decode(collide, [], markers=True)) == MAX_KEYS + 1


@pytest.mark.parametrize("size", [4, protocol.SMALL])
def test_a_boolean_is_false_or_true(size):
    _, (array,) = read(array_frame("|b1", [size], b"\x00\x01\x02\xff" * (size // 4)))
    assert array.view("u1")[:4].tolist() == [0, 1, 1, 1]


def test_a_tree_that_is_too_deep_is_refused():
    tree = 1
    for _ in range(MAX_DEPTH + 1):
        tree = [tree]
    with pytest.raises(ProtocolError, match="too deep"):
        decode(tree, [])


def test_a_tree_with_too_many_nodes_is_refused():
    with pytest.raises(ProtocolError, match="too large"):
        decode([0] * MAX_NODES, [])


# --- one frame after another -----------------------------------------------------------------


def exchange(*frames, pieces=1):
    """What one channel makes of several frames that arrive at once, or a few bytes at a time."""
    ours, theirs = os.pipe()
    data = b"".join(frames)
    step = -(-len(data) // pieces)
    written = iter(range(0, len(data), step))

    def wait():
        for at in written:
            os.write(theirs, data[at : at + step])
            break

    channel = Channel(ours, -1)
    try:
        return [channel.receive(wait) for _ in frames]
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("pieces", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("size", [0, 1, 7, 2000])
def test_frames_that_arrive_together_or_in_pieces_are_separated(pieces, size):
    bodies = [(np.arange(size) + i).astype(">f8") for i in range(3)]
    frames = [frame({"id": str(i), "arrays": [[">f8", [size]]]}, body.tobytes()) for i, body in enumerate(bodies)]
    for i, (header, (array,)) in enumerate(exchange(*frames, pieces=pieces)):
        assert header["id"] == str(i)
        assert same(array, bodies[i])


@pytest.mark.parametrize("size", [protocol.SMALL - 200, protocol.SMALL, 3 * protocol.SMALL])
def test_a_header_larger_than_the_buffer_comes_back(size):
    assert crossed({"text": "x" * size, "array": np.arange(3)})["text"] == "x" * size


@pytest.mark.parametrize("size", [3, protocol.SMALL])
def test_a_returned_array_is_aligned_and_may_be_written_to(size):
    back = crossed([np.ones(3, "i1"), np.ones(size)])
    for array in back:
        array[:] = 2
    assert size > 3 or all(array.flags.aligned for array in back)


def test_a_small_array_does_not_change_with_the_next_frame():
    ours, theirs = os.pipe()
    there, here = Channel(-1, theirs), Channel(ours, -1)
    try:
        there.send({}, [np.zeros(4)])
        _, (first,) = here.receive()
        there.send({}, [np.ones(4)])
        here.receive()
        assert not first.any()
    finally:
        os.close(ours)
        os.close(theirs)


def test_bytes_beyond_a_frame_are_where_the_next_begins():
    ours, theirs = os.pipe()
    os.write(theirs, frame({"arrays": [], "id": "mine"}) + b"\xff" * 12)
    channel = Channel(ours, -1)
    try:
        assert channel.receive()[0]["id"] == "mine"
        with pytest.raises(ProtocolError, match="too large"):
            channel.receive()
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("kept", [0, 1, 11, 12, 15, 40])
def test_a_frame_that_ends_early_is_the_end_of_the_peer(kept):
    whole = array_frame("<f8", [4], bytes(32))
    with pytest.raises(EOFError):
        read(whole[:kept])


def test_a_peer_that_never_reads_meets_the_deadline():
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        with pytest.raises(Deadline):
            Channel(-1, theirs).send({"id": "1"}, [np.zeros(1 << 20)], time.monotonic() + 0.05)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_peer_that_is_gone_breaks_the_pipe():
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        with pytest.raises(BrokenPipeError):
            Channel(-1, theirs).send({"id": "1"}, [])
    finally:
        os.close(theirs)


def test_the_wait_before_every_read_may_end_it():
    def wait():
        raise Deadline

    with pytest.raises(Deadline):
        read(frame({"arrays": []}), wait=wait)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["a", "s", "t", "d", "f", "big", "o", "rng", "new", "arrays", "value"]), inner, max_size=3
        ),
    ),
    max_leaves=15,
)
array_lists = st.lists(
    st.tuples(st.text("<>|=fiubcOVSUM?0123456789,(", max_size=5), st.lists(st.integers(-1, 1 << 30), max_size=5)),
    max_size=3,
)


@relaxed
@given(st.binary(max_size=200))
def test_random_bytes_never_get_further_than_a_protocol_error(data):
    with pytest.raises((ProtocolError, EOFError)):
        read(data)


@relaxed
@given(json_values, array_lists, st.binary(max_size=64), st.integers(0, 80))
def test_random_frames_never_get_further_than_a_protocol_error(value, described, body, kept):
    whole = frame({"arrays": described, "value": value}, body)
    for data in (whole, whole[:kept], frame(json.dumps(value).encode(), body)):
        try:
            header, received = read(data)
            decode(header.get("value"), received)
            assert isinstance(header, dict)
        except (ProtocolError, EOFError) as error:
            assert str(error)  # noqa: PT017 - either outcome is right
