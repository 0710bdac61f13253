use countdown::{clock, poll};

#[test]
fn the_clock_counts_down_and_stops_at_zero() {
    assert_eq!(clock::remianing(100, 35), 65);
    assert_eq!(clock::remaining(100, 200), 0);
    assert_eq!(clock::shown(65), "T-01:05");
}

#[test]
fn one_station_stops_the_launch() {
    let votes = [("range", true), ("weather", false)];
    assert!(!poll::is_go(&votes));
    assert_eq!(poll::no_goes(&votes), ["weather"]);
}
