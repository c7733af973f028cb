//! `[grant.mail.NAME]`.

use std::net::IpAddr;

use super::{
    super::{
        error::Faults,
        keys::{Keys, check_name, did_you_mean, start, text, wrong},
        limits,
    },
    network,
};
use crate::{
    host_name,
    mail::{AddressPattern, MailAddress, MailGrant, MailLogin, MailTls},
    visible,
};

pub(super) fn read(
    name: &str,
    mut keys: Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Option<MailGrant> {
    let at = keys.at;
    let addresses = network::addresses(&mut keys, faults);
    let server = server(&mut keys, faults);
    if let Some((at, host, _)) = &server
        && let Ok(address) = host.parse::<IpAddr>()
        && !addresses.iter().any(|net| net.contains(&address))
    {
        faults.add(
            *at,
            format!("`server` has the address {address} instead of a name, which is not listed"),
            format!("add addresses = [\"{address}\"], or write the server's name"),
        );
    }
    let tls = tls(&mut keys, !addresses.is_empty(), faults);
    let roots = network::roots(&mut keys, tls != MailTls::None, faults);
    let from = keys.need("from", "\"desk@example.com\"", faults);
    let from = from.and_then(|node| address(start(node), text(node, "from", faults)?, faults));
    let reply_to = keys.short_texts("reply_to", faults);
    let reply_to = reply_to
        .iter()
        .filter_map(|(at, text)| address(*at, text, faults))
        .collect();
    let to = recipients(&mut keys, faults);
    let anyone = keys.flag("anyone", false, faults);
    let max_recipients = keys.count_within(
        "max_recipients",
        limits::MAIL_RECIPIENTS,
        limits::MAIL_RECIPIENTS_MAX,
        faults,
    );
    let max_size = keys.bytes_within(
        "max_size",
        limits::MAIL_BYTES,
        limits::MAIL_BYTES_MAX,
        faults,
    );
    let attachments = keys.flag("attachments", false, faults);
    let html = keys.flag("html", false, faults);
    let rate = network::rate(&mut keys, faults);
    let credential = keys.get("credential").and_then(|node| {
        let place = format!("[grant.mail.{}.credential]", visible(name));
        login(Keys::of(node, place, faults)?, faults)
    });
    let said = keys.get("to").is_some();
    keys.finish(faults);
    if anyone && said {
        faults.add(
            at,
            "`anyone` lets everybody be written to, and `to` names some",
            "remove one of them",
        );
    } else if !anyone && !said {
        faults.add(
            at,
            format!("[grant.mail.{}] names nobody to write to", visible(name)),
            "add to = [\"*@example.com\"]",
        );
    }
    let (_, host, port) = server?;
    Some(MailGrant {
        name: name.to_owned(),
        host,
        port,
        tls,
        addresses,
        roots,
        from: from?,
        reply_to,
        to,
        anyone,
        max_recipients,
        max_size,
        attachments,
        html,
        rate,
        credential,
    })
}

/// `host:port`. An address of version 6 stands in brackets.
fn server(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<(usize, String, u16)> {
    const EXAMPLE: &str = "\"smtp.example:587\"";
    let node = keys.need("server", EXAMPLE, faults)?;
    let server = text(node, "server", faults)?;
    let split = server.rsplit_once(':').and_then(|(host, port)| {
        let port = port
            .parse::<u16>()
            .ok()
            .filter(|p| *p > 0 && p.to_string() == port)?;
        Some((host, port))
    });
    let Some((host, port)) = split else {
        wrong(
            node,
            "server",
            &format!("a name and a port: {EXAMPLE}"),
            faults,
        );
        return None;
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_literal = match bare {
        Some(v6) => v6
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|v6a| v6a.to_string() == v6),
        None => host.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    if !is_literal && let Some((what, hint)) = host_name::fault(host) {
        let message = format!("`server` {what}: `{}`", visible(server));
        faults.add(start(node), message, hint);
        return None;
    }
    Some((start(node), bare.unwrap_or(host).to_owned(), port))
}

fn tls(keys: &mut Keys<'_, '_>, has_addresses: bool, faults: &mut Faults<'_>) -> MailTls {
    let Some(node) = keys.get("tls") else {
        return MailTls::StartTls;
    };
    let Some(name) = text(node, "tls", faults) else {
        return MailTls::StartTls;
    };
    let found = MailTls::ALL.into_iter().find(|tls| tls.as_str() == name);
    match found {
        Some(MailTls::None) if !has_addresses => faults.add(
            start(node),
            "without TLS a message and a password can be read on the way",
            "write \"starttls\" or \"implicit\", or list the addresses that it stays on: addresses = [\"127.0.0.1\"]",
        ),
        Some(_) => {}
        None => faults.add(
            start(node),
            format!("there is no `{}` here", visible(name)),
            did_you_mean(name, &MailTls::ALL.map(MailTls::as_str)),
        ),
    }
    found.unwrap_or(MailTls::StartTls)
}

fn address(at: usize, text: &str, faults: &mut Faults<'_>) -> Option<MailAddress> {
    let found = MailAddress::parse(text);
    if found.is_none() {
        faults.add(
            at,
            format!("`{}` is no plain address", visible(text)),
            "write one such as desk@example.com, without a name, quotation marks, `%` and `!`",
        );
    }
    found
}

fn recipients(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<AddressPattern> {
    let mut to = Vec::new();
    for (at, text) in keys.short_texts("to", faults) {
        match AddressPattern::parse(&text) {
            Some(pattern) => to.push(pattern),
            None if matches!(text.as_str(), "*" | "*@*") => faults.add(
                at,
                format!("`{text}` is everybody in the world"),
                "write whole domains, as \"*@example.com\"; if everybody is meant, write anyone = true instead of `to`",
            ),
            None => faults.add(
                at,
                format!("`{}` is no address and no whole domain", visible(&text)),
                "write an address, or a whole domain as \"*@example.com\"",
            ),
        }
    }
    to
}

fn login(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<MailLogin> {
    let secret = keys.need("secret", "\"smtp-password\"", faults);
    let secret = secret.and_then(|node| {
        let name = text(node, "secret", faults)?;
        check_name(name, start(node), "a secret", faults);
        Some(name.to_owned())
    });
    let user = keys.need("user", "\"desk@example.com\"", faults);
    let user = user.and_then(|node| {
        let user = text(node, "user", faults)?;
        if !(1..=256).contains(&user.len()) || visible(user) != user {
            wrong(node, "user", "1 to 256 plain characters", faults);
        }
        Some(user.to_owned())
    });
    keys.finish(faults);
    Some(MailLogin {
        secret: secret?,
        user: user?,
    })
}
