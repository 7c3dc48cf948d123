//! `doorward healthcheck`: for a container's health check, which then needs no curl.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::explain;
use crate::settings::Settings;

/// Asks the Doorward at `LISTEN_ADDR` whether it lives.
pub fn run() -> Result<(), String> {
    let addr = Settings::listen_addr_from_env().map_err(|complaints| explain(&complaints))?;
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok::<_, std::io::Error>(status)
    };
    match ask() {
        Ok(status) if status.ends_with(b" 200") => Ok(()),
        Ok(_) => Err(format!(
            "{addr} answers, but not as a healthy Doorward does"
        )),
        Err(cause) => Err(format!("no Doorward answers at {addr}: {cause}")),
    }
}
