"""The ground floor: what a visit is and what must happen next. No I/O, no clock, no chance."""
