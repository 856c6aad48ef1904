"""Records against the frozen dataclasses that they stand for."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list, compare=False, repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Place(Point):
    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a place has a name")


@record(frozen=True, slots=True)
class Pair:
    left: Any
    right: Any = None


@dataclass(frozen=True, slots=True)
class Twin:
    left: Any
    right: Any = None


def test_values_and_defaults():
    point = Point(x=1)
    assert (point.x, point.y, point.tags) == (1, 2, [])
    assert Point(x=1).tags is not point.tags
    assert not hasattr(point, "__dict__")


def test_places_and_names():
    assert Pair(1, right=2) == Pair(1, 2)
    match Pair(1, 2):
        case Pair(left, right):
            assert (left, right) == (1, 2)
        case _:
            pytest.fail("a record is taken apart by its places")


@pytest.mark.parametrize("call", [(), (1, 2, 3)])
def test_a_wrong_number_of_values_is_refused_as_a_dataclass_refuses_it(call):
    for kind in (Pair, Twin):
        with pytest.raises(TypeError):
            kind(*call)


@pytest.mark.parametrize("named", [{"z": 1}, {"x": 1, "z": 2}, {}])
def test_wrong_names_are_refused(named):
    with pytest.raises(TypeError):
        Point(**named)


def test_a_value_given_twice_is_refused():
    with pytest.raises(TypeError, match="two values of 'left'"):
        Pair(1, left=2)


def test_kw_only_takes_no_places():
    with pytest.raises(TypeError, match="positional"):
        Point(1)


def test_equality_hash_and_text_follow_the_fields():
    assert Point(x=1, tags=["a"]) == Point(x=1)
    assert hash(Point(x=1, tags=["a"])) == hash(Point(x=1))
    assert Point(x=1) != Place(x=1, name="here")
    assert Pair(1, 2) != (1, 2)
    assert repr(Point(x=1)) == "Point(x=1, y=2)"
    assert repr(Pair(1, 2)) == repr(Twin(1, 2)).replace("Twin", "Pair")


def test_nothing_can_be_set_or_deleted():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(x=1).x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del Point(x=1).x


def test_a_record_inherits_and_checks_itself():
    place = Place(x=1, name="here")
    assert (place.x, place.y, place.name) == (1, 2, "here")
    with pytest.raises(ValueError, match="has a name"):
        Place(x=1, name="")


def test_the_functions_of_dataclasses_know_it():
    place = Place(x=1, name="here", tags=["a"])
    assert dataclasses.is_dataclass(place)
    assert [each.name for each in dataclasses.fields(place)] == ["x", "y", "tags", "name"]
    assert dataclasses.replace(place, name="there").name == "there"
    assert dataclasses.asdict(place) == {"x": 1, "y": 2, "tags": ["a"], "name": "here"}


def test_it_is_copied_and_pickled():
    place = Place(x=1, name="here", tags=["a"])
    assert copy.copy(place) == place
    assert copy.deepcopy(place).tags == ["a"]
    assert pickle.loads(pickle.dumps(place)) == place


def test_other_dataclasses_are_refused():
    with pytest.raises(TypeError, match="frozen"):
        record(frozen=False, slots=True)
