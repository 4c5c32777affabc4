"""ISO 4217: the currencies in use with their minor units, and the codes that are retired.

Written by `python -m infra.commands.currencies` from Babel's data, which is Unicode CLDR's; do not edit it.
"""

AS_OF = (2026, 11, 28)
BABEL = "2.19.0"

USUAL_DECIMALS = 2
# fmt: off
CURRENT = frozenset({
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM",
    "BBD", "BDT", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN",
    "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC",
    "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB",
    "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ",
    "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR",
    "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW",
    "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD",
    "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR",
    "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD",
    "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE",
    "SOS", "SRD", "SSP", "STN", "SYP", "SZL", "THB", "TJS", "TMT", "TND",
    "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER",
    "ZAR", "ZMW", "ZWG",
})
OTHER_DECIMALS = {
    "AFN": 0, "ALL": 0, "BHD": 3, "BIF": 0, "CLP": 0, "COP": 0, "DJF": 0, "GNF": 0, "HUF": 0, "IDR": 0,
    "IQD": 0, "IRR": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KPW": 0, "KRW": 0, "KWD": 3, "LAK": 0,
    "LBP": 0, "LYD": 3, "MGA": 0, "MMK": 0, "OMR": 3, "PYG": 0, "RWF": 0, "SOS": 0, "SYP": 0, "TND": 3,
    "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0, "YER": 0,
}
RETIRED = frozenset({
    "ADP", "AFA", "ALK", "ANG", "AOK", "AON", "AOR", "ARA", "ARL", "ARM",
    "ARP", "ATS", "AZM", "BAD", "BAN", "BEF", "BGL", "BGM", "BGN", "BGO",
    "BOL", "BOP", "BRB", "BRC", "BRE", "BRN", "BRR", "BRZ", "BUK", "BYB",
    "BYR", "CLE", "CSD", "CSK", "CUC", "CYP", "DDM", "DEM", "ECS", "EEK",
    "ESP", "FIM", "FRF", "GEK", "GHC", "GNS", "GQE", "GRD", "GWE", "GWP",
    "HRD", "HRK", "IEP", "ILP", "ILR", "ISJ", "ITL", "KRH", "KRO", "LTL",
    "LTT", "LUF", "LVL", "LVR", "MAF", "MCF", "MDC", "MGF", "MKN", "MLF",
    "MRO", "MTL", "MTP", "MVP", "MXP", "MZE", "MZM", "NIC", "NLG", "PEI",
    "PES", "PLZ", "PTE", "RHD", "ROL", "RUR", "SDD", "SDP", "SIT", "SKK",
    "SLL", "SRG", "STD", "SUR", "SVC", "TJR", "TMM", "TPE", "TRL", "UAK",
    "UGS", "UYP", "VEB", "VEF", "VNN", "YDD", "YUD", "YUM", "YUN", "YUR",
    "ZMK", "ZRN", "ZRZ", "ZWD", "ZWL", "ZWR",
})
# fmt: on
