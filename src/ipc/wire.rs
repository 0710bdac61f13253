//! What is said over a connection: a greeting each way, then asks and frames.
//!
//! A message is its length (4 bytes, big-endian) and that many bytes of JSON. The greetings keep their form in every version, so
//! that programs of different versions can tell each other so; what follows them has the number [`PROTOCOL`].

use std::io;

use futures::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::{
    bytes::Bytes,
    codec::{FramedRead, FramedWrite, LengthDelimitedCodec},
};

use crate::{
    domain::{environment::Environment, id::Seq},
    protocol::{
        frame::{Ask, Frame},
        session::VisitorKind,
    },
};

/// The form of what follows the greetings. Raised whenever an older program could not make sense of it.
pub const PROTOCOL: u32 = 3;

/// Longest message to a server: environments and patches are the longest things that are sent.
pub const TO_SERVER: usize = 8 << 20;

/// Longest message to a client.
pub const TO_CLIENT: usize = 64 << 20;

/// The first message of a caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "want")]
pub enum Hail {
    /// A session.
    Attach(Box<Caller>),
    /// To know who answers here.
    About,
    /// That this gonogo ends.
    Stop {
        /// When what is under way has ended by itself; until then nothing new begins.
        wait: bool,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Who calls, as far as they can say it themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caller {
    /// [`PROTOCOL`] of the caller.
    pub protocol: u32,
    /// Version of the calling program.
    pub version: String,
    /// What the session is for.
    pub kind: VisitorKind,
    /// From where: a terminal, and the host if it is another.
    pub from: String,
    /// Variables there; `None` for those of whoever connects to the socket.
    pub environment: Option<Environment>,
    /// Records after this one are wanted; `None`: all that state is made of.
    pub since: Option<Seq>,
    /// The log that `since` is a record of, as a welcome has named it. In another one it means nothing, and `None` counts.
    #[serde(default)]
    pub log: Option<String>,
}

/// The answer to a [`Hail`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Greeting {
    /// The session begins.
    Welcome {
        /// Who answers.
        #[serde(flatten)]
        host: Host,
        /// The log that its records stand in.
        #[serde(default)]
        log: Option<String>,
    },
    /// Who answers; the connection ends.
    About {
        /// Who answers.
        #[serde(flatten)]
        host: Host,
    },
    /// It ends, or will; the connection ends.
    Stopping {
        /// Who answers.
        #[serde(flatten)]
        host: Host,
    },
    /// No; the connection ends.
    Refused {
        /// Who answers.
        #[serde(flatten)]
        host: Host,
        /// Why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// [`PROTOCOL`] of the answering program.
    pub protocol: u32,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Login name of the user that it runs as.
    pub owner: String,
}

/// From a client, after the greetings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToServer {
    /// Something is asked for.
    Ask(Ask),
    /// Is anybody there?
    Ping,
}

/// To a client, after the greetings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToClient {
    /// A frame of the session.
    Frame(Frame),
    /// Yes, and I have nothing else to say.
    Pong,
}

/// Messages that come in.
pub struct Incoming<R>(FramedRead<R, LengthDelimitedCodec>);

/// Messages that go out.
pub struct Outgoing<W>(FramedWrite<W, LengthDelimitedCodec>);

fn codec(most: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(most).new_codec()
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    /// Reads from `reader` messages of at most `most` bytes.
    pub fn new(reader: R, most: usize) -> Self {
        Self(FramedRead::new(reader, codec(most)))
    }

    /// The next message; `None` where the other side has closed the connection between two messages. May be dropped and
    /// called again: nothing is lost.
    pub async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        match self.0.next().await {
            Some(bytes) => Ok(Some(decode(&bytes?)?)),
            None => Ok(None),
        }
    }

    /// The stream behind the messages that were read so far, and what was read of the next one.
    pub fn into_inner(self) -> (R, Bytes) {
        let parts = self.0.into_parts();
        (parts.io, parts.read_buf.freeze())
    }
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    /// Writes messages to `writer`.
    pub fn new(writer: W, most: usize) -> Self {
        Self(FramedWrite::new(writer, codec(most)))
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.send_encoded(encode(message)?).await
    }

    /// Sends what [`encode`] has made.
    pub async fn send_encoded(&mut self, message: Bytes) -> io::Result<()> {
        self.0.send(message).await
    }

    /// The stream.
    pub fn into_inner(self) -> W {
        self.0.into_inner()
    }
}

/// A message as it is sent, but for its length.
pub fn encode(message: &impl Serialize) -> io::Result<Bytes> {
    Ok(serde_json::to_vec(message)?.into())
}

/// Says how long something is that is longer than may be sent.
pub fn too_long(what: &str, bytes: usize, most: usize) -> String {
    // Rounded up, so that it never seems to fit.
    format!("{what} is too long to be sent: {} MiB, and {} MiB is the most", (bytes >> 20) + 1, most >> 20)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
