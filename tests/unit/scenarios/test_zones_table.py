"""The table of places and zones is what the tz database says."""

from collections import defaultdict
from importlib.resources import files
from zoneinfo import available_timezones

from actors.scenarios.zones_table import COUNTRIES, REGIONS


def listed():
    zones = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones[country].append(zone)
    return zones


def test_every_country_with_one_zone_has_it():
    single = {country: zones[0] for country, zones in listed().items() if len(zones) == 1}

    assert {country: COUNTRIES.get(country) for country in single} == single


def test_no_place_has_a_zone_of_another_country():
    zones = listed()

    assert [c for c, zone in COUNTRIES.items() if zone not in zones[c]] == []
    # Territories of the United States have a code as a country, too.
    elsewhere = {"US-PR", "US-VI", "US-GU", "US-AS", "US-MP"}
    assert {r for r, zone in REGIONS.items() if zone not in zones[r[:2]]} == elsewhere


def test_regions_are_of_countries_that_have_several_zones():
    assert {region[:2] for region in REGIONS} & set(COUNTRIES) == set()


def test_every_zone_can_be_looked_up():
    assert (set(COUNTRIES.values()) | set(REGIONS.values())) - available_timezones() == set()
