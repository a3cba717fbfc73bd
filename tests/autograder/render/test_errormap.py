from autograder.render.errormap import levels, telling, text_map

HEAT = [[0.0, 0.1, 1.0], [0.3, 0.6, -1.0]]


def test_an_error_has_a_level_by_its_share_of_the_largest():
    assert levels(HEAT) == [[0, 1, 4], [2, 3, -1]]
    assert levels([[1e-12, 1.0]]) == [[0, 4]]  # rounding
    assert levels([[0.0, 0.0]]) == [[0, 0]]
    assert levels([[-1.0, -1.0]]) == [[-1, -1]]
    assert levels([]) == []


def test_the_levels_are_drawn_with_characters():
    assert text_map(HEAT) == [". - #", "+ * ?"]


def test_a_map_tells_something_where_some_entries_are_right():
    assert telling(HEAT)
    assert not telling([[1.0, 2.0]])
    assert not telling([[0.0, 0.0]])
    assert not telling([[1.0]])
    assert not telling([])
