"""`example:distance`: the way between two points on the globe."""

import math
from collections.abc import Sequence

from eventflux.extension import Column, Example, Parameter, VectorizedScalarFunction, extension

EARTH_RADIUS_KM = 6371.0088
DEGREES = ("DOUBLE", "FLOAT", "INT", "LONG")


@extension(
    name="distance",
    namespace="example",
    kind="function",
    description="Great-circle distance in kilometres between two points given in degrees; null if any of them is.",
    parameters=[
        Parameter("latitude1", DEGREES, "Latitude of the first point.", dynamic=True),
        Parameter("longitude1", DEGREES, "Longitude of the first point.", dynamic=True),
        Parameter("latitude2", DEGREES, "Latitude of the second point.", dynamic=True),
        Parameter("longitude2", DEGREES, "Longitude of the second point.", dynamic=True),
    ],
    returns="DOUBLE",
    examples=[
        Example(
            "from Position select example:distance(lat, lon, 40.64, -73.78) as km insert into Way;",
            "Kilometres from each position to an airport.",
        )
    ],
    pure=True,
    can_fail=False,
    vectorized=True,
)
class Distance(VectorizedScalarFunction):
    """Called once a batch, with one column an argument."""

    def execute(self, columns: Sequence[Column]) -> Column:
        """One distance a row."""
        return [distance_km(*row) for row in zip(*columns, strict=True)]


def distance_km(*degrees: object) -> float | None:
    """The haversine formula: exact enough for small distances, too."""
    radians = [math.radians(value) for value in degrees if isinstance(value, int | float)]
    if len(radians) < len(degrees):
        return None
    latitude1, longitude1, latitude2, longitude2 = radians
    half_way = math.sin((latitude2 - latitude1) / 2) ** 2
    half_way += math.cos(latitude1) * math.cos(latitude2) * math.sin((longitude2 - longitude1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half_way))
