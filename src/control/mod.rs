//! Mission control: decides, observes, schedules, commits and performs. The only writer of the log.
