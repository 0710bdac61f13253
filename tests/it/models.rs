//! Models over real HTTP: every provider's wire passes the same table of cases.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::json;

use crate::wire::{Server, Turn, Wire};

#[test]
fn the_scripted_server_says_what_is_written_down_and_keeps_what_it_was_asked() {
    let server = Server::scripted(Wire::OpenAi, vec![Turn::text("Good morning.")]);
    let address = server.url();
    let address = address.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let ask = || {
        let mut stream = TcpStream::connect(address).unwrap();
        let body = json!({ "model": "m" }).to_string();
        let length = body.len();
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let said = ask();
    assert!(said.contains("200 OK") && said.contains("\"content\":\"Good mo\"") && said.contains("[DONE]"), "{said}");
    assert!(ask().contains("used up"));
    assert_eq!(server.bodies()[0], json!({ "model": "m" }));
    assert_eq!((server.seen().len(), server.left()), (2, 0));
}
