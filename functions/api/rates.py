"""What assets are worth now."""

from chalice import Response

from ctrip.bootstrap import stage
from ctrip.domain.errors import InvalidField
from ctrip.domain.merchants.access import Scope
from ctrip.domain.prices.price import parse_currency
from ctrip.views.rates import RateList, rate_list
from functions.http.answers import answer
from functions.http.resource import Call, Resource

routes = Resource(__name__)


@routes.on(
    "GET",
    "/api/v1/rates",
    requires=Scope.PAYMENTS_READ,
    query="rates.RateQuery",
    response="RateList",
    codes=("currency_unavailable", "asset_without_rate", "rate_unavailable"),
)
def list_rates(call: Call) -> Response:
    """List the present rates of what this stage accepts, in one currency; or of one asset, which may be refused."""
    currency, asset = parse_currency(call.query.currency), call.query.asset
    every = [each for network in stage().networks.values() for each in (network.coin, *network.tokens) if each.enabled]
    symbols = list(dict.fromkeys(each.symbol for each in every))
    if asset is not None and asset not in symbols:
        raise InvalidField("asset", "asset_not_found", f"must be one of {', '.join(symbols)}")
    book = stage().prices.book
    found = {asset: book.rate(asset, currency)} if asset else book.rates(symbols, currency)
    body: RateList = rate_list(found, currency, stage().clock.now())
    return answer(body)
