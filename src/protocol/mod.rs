//! Everything that crosses a boundary: requests, records, telemetry, frames, and the session that carries them.
