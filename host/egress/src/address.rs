//! Whether an address may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::ranges::{COMPATIBLE, IPV4, IPV6, IPV6_GLOBAL, NAT64, NAT64_LOCAL, SIX_TO_FOUR, TEREDO};

/// Judges one address. What is special-purpose is refused, with its purpose, unless
/// an exception names it.
///
/// An IPv6 address may carry an IPv4 address, and a translator or tunnel on the way
/// then delivers to that one. So both are judged, each with the exceptions on its
/// own: an exception for `64:ff9b::/96` opens no 10.0.0.1, and one for 127.0.0.1
/// opens no 169.254.169.254, however that is written.
///
/// # Errors
/// What the address is for.
pub fn judge(address: IpAddr, exceptions: &[IpNet]) -> Result<(), &'static str> {
    match address {
        IpAddr::V4(v4) => judge_v4(v4, exceptions),
        IpAddr::V6(v6) => judge_v6(v6, exceptions),
    }
}

fn judge_v4(address: Ipv4Addr, exceptions: &[IpNet]) -> Result<(), &'static str> {
    let range = IPV4.iter().find(|(net, _)| net.contains(&address));
    match range {
        Some((_, purpose)) if !excepted(address.into(), exceptions) => Err(purpose),
        _ => Ok(()),
    }
}

fn judge_v6(address: Ipv6Addr, exceptions: &[IpNet]) -> Result<(), &'static str> {
    // The kernel connects a mapped address by IPv4: it is that address and nothing
    // else. An exception written in IPv6 (`::/0`) does not speak of it.
    if let Some(mapped) = address.to_ipv4_mapped() {
        return judge_v4(mapped, exceptions);
    }
    let range = IPV6.iter().find(|(net, _)| net.contains(&address));
    let purpose = match range {
        Some((_, purpose)) => Some(*purpose),
        None if IPV6_GLOBAL.contains(&address) || NAT64.contains(&address) => None,
        None => Some("not global unicast (RFC 4291)"),
    };
    if let Some(purpose) = purpose
        && !excepted(address.into(), exceptions)
    {
        return Err(purpose);
    }
    // ::1 and :: read as 0.0.0.1 and 0.0.0.0, which they do not mean.
    if address.is_loopback() || address.is_unspecified() {
        return Ok(());
    }
    for embedded in embedded(address).into_iter().flatten() {
        judge_v4(embedded, exceptions)?;
    }
    Ok(())
}

fn excepted(address: IpAddr, exceptions: &[IpNet]) -> bool {
    exceptions.iter().any(|net| net.contains(&address))
}

/// The IPv4 addresses that an IPv6 address carries.
///
/// A local NAT64 prefix may be shorter than 96 bits and then carries the address
/// elsewhere (RFC 6052, 2.2); its length is known only to the network. It is
/// refused without an exception, and an exception is best as narrow as a /96.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let bits = address.to_bits();
    let at = |shift: u32| Ipv4Addr::from_bits(((bits >> shift) & 0xffff_ffff) as u32);
    if TEREDO.contains(&address) {
        // The server, and the client with all bits turned (RFC 4380, 4).
        return [Some(at(64)), Some(Ipv4Addr::from_bits(!at(0).to_bits()))];
    }
    if SIX_TO_FOUR.contains(&address) {
        return [Some(at(80)), None];
    }
    // An ISATAP interface says so in its identifier, under any prefix (RFC 5214, 6.1).
    let identifier = (bits >> 32) & 0xffff_ffff;
    let isatap = identifier == 0x0000_5efe || identifier == 0x0200_5efe;
    let tail = isatap
        || [NAT64, NAT64_LOCAL, COMPATIBLE]
            .iter()
            .any(|net| net.contains(&address));
    [tail.then(|| at(0)), None]
}
