"""Custody `direct` over HTTP: made by the operator, who alone says where deposits are swept."""

import pytest

from ctrip.domain.admins import Role
from ctrip.domain.chains.kinds import FIRST
from tests.functions.conftest import Api
from tests.functions.test_merchants_api import key_of, merchant, provision
from tests.world import XPUB

OWN, OTHER = FIRST.shown("0x" + "5e" * 20), FIRST.shown("0x" + "6f" * 20)


@pytest.fixture
def shop(api: Api) -> dict[str, str]:
    """A merchant of custody `direct` that has its account, and an API key of it; the first one has account 1."""
    api.world.stores.access._counters["accounts"] = 1
    made = merchant(api, custody="direct")
    assert (made["custody"], made["account_path"]) == ("direct", "m/44'/60'/2'")
    assert provision(api) == [made["id"]]
    return {"id": made["id"], "key": key_of(api, made["id"])["api_key"]}


def treasury(api: Api, shop: dict[str, str], address: str = OWN, chain: str = "anvil"):
    """Set its treasury as an admin."""
    return api.admin("PUT", f"/merchants/{shop['id']}/treasuries/{chain}", {"address": address})


def test_a_payment_needs_a_treasury_that_the_operator_has_set(api: Api, shop: dict[str, str]) -> None:
    asked = ("POST", "/api/v1/payments", {"chain": "anvil", "amount": 1000})
    refused = api.call(*asked, key=shop["key"])
    assert (refused.status_code, refused.json["code"]) == (409, "treasury_missing")
    assert f"/merchants/{shop['id']}/treasuries/anvil" in refused.json["detail"]
    unset = api.admin("GET", f"/merchants/{shop['id']}/treasuries/anvil")
    assert (unset.status_code, unset.json["code"]) == (404, "treasury_not_found")
    assert treasury(api, shop).json["address"] == OWN
    assert api.call(*asked, key=shop["key"]).status_code == 201


def test_another_treasury_waits_and_the_merchant_reads_of_it_at_once(api: Api, shop: dict[str, str]) -> None:
    treasury(api, shop)
    changed = treasury(api, shop, OTHER).json
    assert (changed["address"], changed["next_address"]) == (OWN, OTHER)
    assert changed["next_from"] is not None
    shown = api.call("GET", "/api/v1/settlement-addresses/anvil", key=shop["key"]).json
    assert shown == api.admin("GET", f"/merchants/{shop['id']}/treasuries/anvil").json == changed
    api.world.clock.at += 2_000
    events = api.call("GET", "/api/v1/events?type=settlement.address_changed", key=shop["key"]).json["data"]
    assert [each["data"]["next_address"] for each in events] == [OTHER, None]
    taken_back = treasury(api, shop).json
    assert (taken_back["address"], taken_back["next_address"]) == (OWN, None)


def test_the_merchant_itself_does_not_say_where_its_deposits_go(api: Api, shop: dict[str, str]) -> None:
    """Whoever has its key takes nothing; there is nothing to settle either."""
    treasury(api, shop)
    for method, path, body, status, code in (
        ("PUT", "/api/v1/settlement-addresses/anvil", {"address": OTHER}, 403, "operator_required"),
        ("POST", "/api/v1/settlements", {"chain": "anvil"}, 409, "nothing_to_settle"),
    ):
        refused = api.call(method, path, body, key=shop["key"])
        assert (refused.status_code, refused.json["code"]) == (status, code)
    assert api.admin("GET", f"/merchants/{shop['id']}/treasuries/anvil").json["next_address"] is None


@pytest.mark.parametrize(
    ("address", "code"), [("0x" + "00" * 20, "invalid_address"), ("nonsense", "invalid_address"), ("", "invalid_value")]
)
def test_an_address_that_is_none_is_400_and_names_the_field(api: Api, shop: dict[str, str], address, code) -> None:
    refused = treasury(api, shop, address)
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "address")
    assert refused.json["errors"][0]["code"] == code
    assert treasury(api, shop, chain="etherum").json["code"] == "unsupported_chain"


def test_only_custody_direct_has_a_treasury_and_only_who_changes_merchants_sets_it(api: Api, shop) -> None:
    for merchant_id, status, code in (("m1", 409, "custody_not_direct"), ("nobody", 404, "merchant_not_found")):
        refused = api.admin("PUT", f"/merchants/{merchant_id}/treasuries/anvil", {"address": OWN})
        assert (refused.status_code, refused.json["code"]) == (status, code)
    reader = api.admin("PUT", f"/merchants/{shop['id']}/treasuries/anvil", {"address": OWN}, role=Role.VIEWER)
    assert reader.status_code == 403


def test_custody_follows_from_the_request_and_stays(api: Api, shop: dict[str, str]) -> None:
    """A key of its own is `xpub`; without one it is none; nobody changes it later."""
    for body in ({"custody": "direct", "xpub": XPUB}, {"custody": "xpub"}, {"custody": "cold"}):
        refused = api.admin("POST", "/merchants", {"name": "Shop"} | body)
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "custody")
    refused = api.admin("PATCH", f"/merchants/{shop['id']}", {"custody": "hot"})
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (400, "custody")
    assert merchant(api, name="Plain")["custody"] == "hot"
