//! The special-purpose addresses, as tables. Every row of the IANA IPv4 and IPv6
//! Special-Purpose Address Registries (RFC 6890 and updates) is here, also those
//! that are globally reachable: none is where a vendor keeps an API. Multicast and
//! what IANA has not given out are added, and one platform address.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

/// The first four groups; the others are zero.
const fn v6(a: u16, b: u16, c: u16, d: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

/// The narrower row of two that overlap comes first.
pub(crate) const IPV4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "\"this network\" (RFC 791)"),
    (v4(10, 0, 0, 0, 8), "private use (RFC 1918)"),
    (v4(100, 64, 0, 0, 10), "shared address space (RFC 6598)"),
    (v4(127, 0, 0, 0, 8), "loopback (RFC 1122)"),
    (
        v4(169, 254, 0, 0, 16),
        "link-local, where clouds answer with credentials (RFC 3927)",
    ),
    (v4(172, 16, 0, 0, 12), "private use (RFC 1918)"),
    (v4(192, 0, 0, 0, 24), "IETF protocol assignments (RFC 6890)"),
    (v4(192, 0, 2, 0, 24), "documentation (RFC 5737)"),
    (v4(192, 31, 196, 0, 24), "AS112 (RFC 7535)"),
    (v4(192, 52, 193, 0, 24), "multicast tunneling (RFC 7450)"),
    (v4(192, 88, 99, 0, 24), "6to4 relay anycast (RFC 7526)"),
    (v4(192, 168, 0, 0, 16), "private use (RFC 1918)"),
    (v4(192, 175, 48, 0, 24), "AS112 (RFC 7534)"),
    (v4(198, 18, 0, 0, 15), "benchmarking (RFC 2544)"),
    (v4(198, 51, 100, 0, 24), "documentation (RFC 5737)"),
    (v4(203, 0, 113, 0, 24), "documentation (RFC 5737)"),
    (v4(224, 0, 0, 0, 4), "multicast (RFC 5771)"),
    (v4(255, 255, 255, 255, 32), "limited broadcast (RFC 8190)"),
    (v4(240, 0, 0, 0, 4), "reserved (RFC 1112)"),
    // Looks public, but only the platform below an Azure machine answers there
    // (Microsoft Learn, "What is IP address 168.63.129.16?").
    (v4(168, 63, 129, 16, 32), "the Azure platform's own address"),
];

/// The narrower row of two that overlap comes first. NAT64 (64:ff9b::/96, RFC
/// 6052) has no row: what is embedded in it is judged.
pub(crate) const IPV6: &[(Ipv6Net, &str)] = &[
    (
        Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
        "the unspecified address (RFC 4291)",
    ),
    (
        Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
        "loopback (RFC 4291)",
    ),
    (COMPATIBLE, "IPv4-compatible (RFC 4291)"),
    (NAT64_LOCAL, "local NAT64 (RFC 8215)"),
    (v6(0x100, 0, 0, 0, 64), "discard-only (RFC 6666)"),
    (v6(0x100, 0, 0, 1, 64), "dummy prefix (RFC 9780)"),
    (TEREDO, "Teredo (RFC 4380)"),
    (v6(0x2001, 2, 0, 0, 48), "benchmarking (RFC 5180)"),
    (v6(0x2001, 3, 0, 0, 32), "multicast tunneling (RFC 7450)"),
    (v6(0x2001, 4, 0x112, 0, 48), "AS112 (RFC 7535)"),
    (v6(0x2001, 0x10, 0, 0, 28), "ORCHID (RFC 4843)"),
    (v6(0x2001, 0x20, 0, 0, 28), "ORCHIDv2 (RFC 7343)"),
    (v6(0x2001, 0x30, 0, 0, 28), "drone identifiers (RFC 9374)"),
    (
        v6(0x2001, 0, 0, 0, 23),
        "IETF protocol assignments (RFC 2928)",
    ),
    (v6(0x2001, 0xdb8, 0, 0, 32), "documentation (RFC 3849)"),
    (SIX_TO_FOUR, "6to4 (RFC 3056)"),
    (v6(0x2620, 0x4f, 0x8000, 0, 48), "AS112 (RFC 7534)"),
    (v6(0x3fff, 0, 0, 0, 20), "documentation (RFC 9637)"),
    (v6(0x5f00, 0, 0, 0, 16), "segment identifiers (RFC 9602)"),
    (v6(0xfc00, 0, 0, 0, 7), "unique local (RFC 4193)"),
    (v6(0xfe80, 0, 0, 0, 10), "link-local (RFC 4291)"),
    (v6(0xfec0, 0, 0, 0, 10), "site-local (RFC 3879)"),
    (v6(0xff00, 0, 0, 0, 8), "multicast (RFC 4291)"),
];

/// All that IANA gives out as global unicast (RFC 4291, IANA "IPv6 Address Space").
/// Elsewhere is nothing that a vendor could have, today.
pub(crate) const IPV6_GLOBAL: Ipv6Net = v6(0x2000, 0, 0, 0, 3);

/// NAT64 with the well-known prefix (RFC 6052).
pub(crate) const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 0, 96);

/// NAT64 with a local prefix (RFC 8215).
pub(crate) const NAT64_LOCAL: Ipv6Net = v6(0x64, 0xff9b, 1, 0, 48);

/// 6to4 (RFC 3056).
pub(crate) const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 0, 16);

/// Teredo (RFC 4380).
pub(crate) const TEREDO: Ipv6Net = v6(0x2001, 0, 0, 0, 32);

/// IPv4-compatible addresses (RFC 4291, 2.5.5.1).
pub(crate) const COMPATIBLE: Ipv6Net = v6(0, 0, 0, 0, 96);
