//! Takes secrets out of bytes before they are written anywhere. Pure.
