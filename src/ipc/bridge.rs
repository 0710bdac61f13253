//! Stands between a caller's standard input and output and the socket: the far end of `gonogo attach USER@HOST`.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy},
    net::UnixStream,
};

use crate::protocol::session::surroundings;

use super::wire::{Hail, Incoming, Outgoing, TO_SERVER};

/// Passes everything on both ways until one side ends. What the caller can't know is put into its first message: the variables
/// here, and from where it reached this machine.
pub async fn pass<R, W>(input: R, mut output: W, stream: UnixStream, via: Option<&str>) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut from_socket, to_socket) = stream.into_split();
    let mut incoming = Incoming::new(input, TO_SERVER);
    let Some(mut hail) = incoming.next::<Hail>().await? else { return Ok(()) };
    if let Hail::Attach(caller) = &mut hail {
        caller.environment = Some(surroundings());
        if let Some(via) = via {
            caller.from = format!("{} over ssh from {via}", caller.from);
        }
    }
    let mut outgoing = Outgoing::new(to_socket, TO_SERVER);
    outgoing.send(&hail).await?;
    let mut to_socket = outgoing.into_inner();
    let (mut input, begun) = incoming.into_inner();
    let up = async {
        to_socket.write_all(&begun).await?;
        copy(&mut input, &mut to_socket).await?;
        to_socket.shutdown().await
    };
    let down = async {
        copy(&mut from_socket, &mut output).await?;
        output.flush().await
    };
    // When the caller is gone nothing more has to be said; when the other side is, everything has been.
    tokio::select! {
        up = up => up,
        down = down => down,
    }
}
