//! The clock of a launch.

/// Seconds left until the launch, at `now`; zero once it is due.
pub fn remaining(launch_at: u64, now: u64) -> u64 {
  launch_at.saturating_sub( now )
}

/// `T-01:05` for 65 seconds.
pub fn shown(seconds: u64) -> String {
        format!("T-{:02}:{:02}",
            seconds / 60, seconds % 60)
}
