//! Free loopback ports.

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Outcome, write};

/// Below the range from which the kernel gives ports to clients, so that a server can come back on its own port.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// The port of server `name` in `dir`: the one it had before if that is free, else a new one, which is remembered.
pub fn port_of(dir: &Path, name: &str) -> Outcome<u16> {
    let file = dir.join(format!("{name}.port"));
    let before = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = before
        && is_free(port)
    {
        return Ok(port);
    }
    // A port is free until its server has started, so none is offered twice; and two processes that look at the
    // same time begin at different places.
    static OFFERED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(61);
    let mut candidates =
        std::iter::repeat_with(|| OFFERED.fetch_add(1, Ordering::SeqCst)).take(COUNT as usize);
    let port = candidates.find_map(|offer| {
        let port = (FIRST + start.wrapping_add(offer) % COUNT) as u16;
        is_free(port).then_some(port)
    });
    let port = port.ok_or("no loopback port is free")?;
    write(&file, &port.to_string())?;
    Ok(port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
