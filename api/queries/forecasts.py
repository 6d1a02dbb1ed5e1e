"""Asking for forecasts of changes that are not made yet."""

from typing import Annotated

import strawberry

from api.context import Info
from api.fields import resolves
from api.forecasting import outlook
from api.inputs.forecast import ForecastInput
from api.types.forecast import Forecast

Input = Annotated[ForecastInput, strawberry.argument(description="What to forecast.")]


@strawberry.type
class ForecastQueries:
    @resolves("What becomes of a sequence as it stands, or after a change that is not made yet.")
    async def forecast(self, info: Info, input: Input) -> Forecast:  # noqa: A002
        return Forecast.of(await outlook(info.context, input.read()))
