//! What every destination in a network has: its addresses, the certificates to
//! trust, a rate.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;

use super::{
    super::{
        error::Faults,
        keys::{Keys, start, text, wrong},
        limits,
    },
    check_place,
};
use crate::visible;

/// The widest network of version 4 that can be listed: 10.0.0.0/8 is the widest
/// private one.
const PREFIX_MIN_V4: u8 = 8;

/// The widest of version 6: fc00::/7 is the widest private one.
const PREFIX_MIN_V6: u8 = 7;

/// Addresses and networks that a name may have although they are not public.
pub(super) fn addresses(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for (at, text) in keys.short_texts("addresses", faults) {
        match net(&text) {
            Ok(net) => nets.push(net),
            Err(hint) => faults.add(
                at,
                format!(
                    "`{}` is no address or network that can be listed",
                    visible(&text)
                ),
                hint,
            ),
        }
    }
    nets
}

/// One address or network, in its only spelling.
fn net(text: &str) -> Result<IpNet, String> {
    const EXAMPLE: &str = "write an address such as 127.0.0.1, or a network such as 10.1.0.0/16";
    let net = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| EXAMPLE.to_owned())?,
    };
    if net.trunc() != net {
        return Err(format!("write the network's own address: {}", net.trunc()));
    }
    let min = match net {
        // The attack: `::ffff:127.0.0.1` is loopback in a spelling that a look at
        // version 6 alone would miss.
        IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => {
            return Err("write it as an address of version 4".to_owned());
        }
        IpNet::V6(_) => PREFIX_MIN_V6,
        IpNet::V4(_) => PREFIX_MIN_V4,
    };
    if net.prefix_len() < min {
        return Err(format!(
            "it covers more than one private network; write a prefix of /{min} or longer"
        ));
    }
    let whole = net.prefix_len() == net.max_prefix_len();
    if text != net.to_string() && !(whole && text == net.addr().to_string()) {
        return Err(format!("write {net}"));
    }
    Ok(net)
}

/// A PEM file with the certificates to trust instead of the platform's.
pub(super) fn roots(
    keys: &mut Keys<'_, '_>,
    has_tls: bool,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let node = keys.get("roots")?;
    let path = text(node, "roots", faults)?;
    check_place(path, start(node), faults);
    if !has_tls {
        faults.add(
            start(node),
            "`roots` is of no use without TLS",
            "remove it, or use TLS",
        );
    }
    Some(path.to_owned())
}

/// A rate such as `60/min`.
pub(super) fn rate(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<(u32, Duration)> {
    let node = keys.get("rate")?;
    let read = |text: &str| {
        let (count, unit) = text.split_once('/')?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let is_plain = count.bytes().all(|b| b.is_ascii_digit());
        let count = count.parse().ok().filter(|_| is_plain)?;
        (1..=limits::RATE_MAX)
            .contains(&count)
            .then_some((count, Duration::from_secs(seconds)))
    };
    let rate = read(text(node, "rate", faults)?);
    if rate.is_none() {
        wrong(
            node,
            "rate",
            "1 to 100000 and a unit, s, min or h, for example \"60/min\"",
            faults,
        );
    }
    rate
}
