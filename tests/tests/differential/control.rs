//! The recording server's control port: which scenario is on, and what was recorded.

use crate::scenario::Ports;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

pub(crate) struct Control(BufReader<TcpStream>);

impl Control {
    pub(crate) fn connect(ports: &Ports) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", ports.control));
        Control(BufReader::new(stream.expect("the recording server")))
    }

    pub(crate) fn begin(&mut self, id: &str) {
        self.command(&format!("begin {id}"));
    }

    /// What was recorded since `begin`, once the client has let go of its connections.
    pub(crate) fn end(&mut self) -> Value {
        self.command("end")
    }

    fn command(&mut self, command: &str) -> Value {
        // In one piece: two would wait for each other, as Nagle's algorithm has it.
        let line = format!("{command}\n");
        let sent = self.0.get_mut().write_all(line.as_bytes());
        sent.expect("the server takes commands");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("and answers them");
        serde_json::from_str(&answer).expect("in JSON")
    }
}
