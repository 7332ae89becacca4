//! The congestion control of a socket, where the system lets a program choose.

use std::io;

use socket2::SockRef;

/// Asks for the algorithm of that name.
///
/// # Errors
/// That the kernel does not have it, or that the system has no choice of them.
#[cfg(target_os = "linux")]
pub(super) fn set(socket: &SockRef<'_>, name: &str) -> io::Result<()> {
    socket.set_tcp_congestion(name.as_bytes())
}

/// The name of the algorithm in force.
///
/// # Errors
/// Those of the socket call.
#[cfg(target_os = "linux")]
pub(super) fn get(socket: &SockRef<'_>) -> io::Result<String> {
    let name = socket.tcp_congestion()?;
    Ok(String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set(_: &SockRef<'_>, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn get(_: &SockRef<'_>) -> io::Result<String> {
    Ok("the system's".to_owned())
}
