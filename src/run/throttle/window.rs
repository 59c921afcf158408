//! Times of the day in which work may be done: `01:00-05:00 Europe/Oslo`,
//! `sat,sun 00:00-24:00 UTC`, `mon-fri 22:00-04:00 America/New_York`.
//!
//! A window that passes midnight belongs to the day on which it opens. Times are those on the wall
//! of its zone; a time that a change of the clocks leaves out or repeats means the moment that the
//! zone's rules give it.

use super::Measure;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::fmt;
use std::time::Duration;

/// Minutes of a day.
const DAY: i32 = 24 * 60;

#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// From Monday on.
    days: [bool; 7],
    /// Minutes since midnight, before `DAY`.
    opens: i32,
    /// Minutes since the midnight before it opens, after `opens`.
    closes: i32,
    zone: TimeZone,
    text: String,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

const FORM: &str = "write it like \"01:00-05:00 Europe/Oslo\" or \"sat,sun 00:00-24:00 UTC\"";

impl Window {
    /// # Errors
    /// What cannot be read, and how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, times, zone) = match words.as_slice() {
            [times, zone] => (None, times, zone),
            [days, times, zone] => (Some(*days), times, zone),
            [_] if text.contains('-') => {
                return Err(format!("a window needs a time zone; {FORM}"));
            }
            _ => return Err(format!("not a window; {FORM}")),
        };
        let (from, to) = times.split_once('-').ok_or_else(|| format!("not a window; {FORM}"))?;
        let opens = minutes(from).filter(|minutes| *minutes < DAY);
        let (Some(opens), Some(mut closes)) = (opens, minutes(to)) else {
            return Err(format!("\"{times}\" is not a time of the day; {FORM}"));
        };
        if opens == closes {
            return Err(format!("the window {times} is empty; a whole day is 00:00-24:00"));
        }
        if closes < opens {
            closes += DAY;
        }
        let zone = TimeZone::get(zone).map_err(|_| {
            format!("\"{zone}\" is not a time zone; write it like Europe/Oslo or UTC")
        })?;
        let days = days.map_or(Ok([true; 7]), weekdays)?;
        Ok(Self { days, opens, closes, zone, text: words.join(" ") })
    }

    fn is_on(&self, date: Date) -> bool {
        self.days[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default()]
    }

    /// The moment `minutes` after midnight of `date`, by the clock on the wall.
    fn moment(&self, date: Date, minutes: i32) -> Option<Timestamp> {
        let date = date.checked_add((minutes / DAY).days()).ok()?;
        let minutes = minutes % DAY;
        let time = Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?;
        self.zone
            .to_ambiguous_zoned(date.to_datetime(time))
            .compatible()
            .ok()
            .map(|z| z.timestamp())
    }

    /// `None` while it is open, else when it opens next. (`Some(None)`: never that we can tell.)
    fn closed(&self, now: Timestamp) -> Option<Option<Timestamp>> {
        let today = now.to_zoned(self.zone.clone()).date();
        let mut next = None;
        // From yesterday, whose window may pass midnight, to a week ahead and a day more.
        for ahead in -1..=8 {
            let Ok(date) = today.checked_add(ahead.days()) else { continue };
            if !self.is_on(date) {
                continue;
            }
            let (Some(opens), Some(closes)) =
                (self.moment(date, self.opens), self.moment(date, self.closes))
            else {
                continue;
            };
            if opens <= now && now < closes {
                return None;
            }
            if opens > now && opens < closes && next.is_none_or(|next| opens < next) {
                next = Some(opens);
            }
        }
        Some(next)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn minutes(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, most: i32| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i32>().ok().filter(|n| digits && *n <= most)
    };
    let total = number(hours, 24)? * 60 + number(minutes, 59)?;
    (total <= DAY).then_some(total)
}

/// `mon`, `sat,sun`, `mon-fri`, also past Sunday: `fri-mon`.
fn weekdays(text: &str) -> Result<[bool; 7], String> {
    let day = |name: &str| {
        let name = name.to_ascii_lowercase();
        DAYS.iter().position(|(known, _)| *known == name).ok_or_else(|| {
            format!("\"{name}\" is not a day; days are mon, tue, wed, thu, fri, sat, sun")
        })
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut at = first;
        loop {
            days[at] = true;
            if at == last {
                break;
            }
            at = (at + 1) % 7;
        }
    }
    Ok(days)
}

/// High outside of every window.
pub(super) fn read(windows: &[Window], now: Timestamp) -> Measure {
    let mut next: Option<(Timestamp, &Window)> = None;
    for window in windows {
        match window.closed(now) {
            None => return Measure::calm(),
            Some(Some(opens)) if next.is_none_or(|(next, _)| opens < next) => {
                next = Some((opens, window));
            }
            Some(_) => {}
        }
    }
    let text = match next {
        Some((opens, window)) => {
            let zoned: Zoned = opens.to_zoned(window.zone.clone());
            let minutes = opens.duration_since(now).as_secs().unsigned_abs().div_ceil(60);
            let wait = humantime::format_duration(Duration::from_secs(minutes * 60));
            let when = zoned.strftime("%a %H:%M %Z");
            format!("outside of the window {window}; it opens {when}, in {wait}")
        }
        None => "outside of every window".to_owned(),
    };
    Measure { pressure: 1.0, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(window: &str, now: &str) -> bool {
        read(&[Window::parse(window).unwrap()], now.parse().unwrap()).pressure == 0.0
    }

    #[test]
    fn a_window_is_the_time_of_its_zone() {
        // Oslo is one hour ahead in winter, two in summer.
        let window = "01:00-05:00 Europe/Oslo";
        assert!(is_open(window, "2026-01-10T00:00:00Z"));
        assert!(is_open(window, "2026-01-10T03:59:59Z"));
        assert!(!is_open(window, "2026-01-10T04:00:00Z"));
        assert!(!is_open(window, "2026-01-09T23:59:59Z"));
        assert!(is_open(window, "2026-07-10T02:59:59Z"));
        assert!(!is_open(window, "2026-07-10T03:00:00Z"));
    }

    #[test]
    fn one_that_passes_midnight_belongs_to_the_day_on_which_it_opens() {
        // 2026-01-09 is a Friday.
        let window = "fri 22:00-04:00 UTC";
        assert!(is_open(window, "2026-01-09T22:00:00Z"));
        assert!(is_open(window, "2026-01-10T03:59:00Z"));
        assert!(!is_open(window, "2026-01-10T22:30:00Z"));
        assert!(!is_open(window, "2026-01-09T03:00:00Z"));
        assert!(is_open("fri-mon 00:00-24:00 UTC", "2026-01-11T12:00:00Z"));
        assert!(!is_open("fri-mon 00:00-24:00 UTC", "2026-01-13T00:00:00Z"));
        assert!(is_open("sat,sun 00:00-24:00 UTC", "2026-01-11T23:59:59Z"));
    }

    #[test]
    fn a_change_of_the_clocks_moves_no_window_out_of_the_world() {
        // In Oslo 2026-03-29 has no 02:30; 2026-10-25 has two.
        assert!(is_open("02:30-05:00 Europe/Oslo", "2026-03-29T01:45:00Z"));
        assert!(!is_open("02:30-05:00 Europe/Oslo", "2026-03-29T03:00:00Z"));
        assert!(is_open("01:00-02:30 Europe/Oslo", "2026-10-25T00:15:00Z"));
        assert!(is_open("01:00-03:00 Europe/Oslo", "2026-10-25T01:59:00Z"));
        assert!(!is_open("01:00-03:00 Europe/Oslo", "2026-10-25T02:00:00Z"));
    }

    #[test]
    fn outside_it_says_when_it_opens() {
        let windows = ["01:00-05:00 Europe/Oslo", "12:00-13:00 UTC"];
        let windows: Vec<Window> = windows.iter().map(|w| Window::parse(w).unwrap()).collect();
        let found = read(&windows, "2026-01-10T10:29:30Z".parse().unwrap());
        assert_eq!(found.pressure, 1.0);
        assert_eq!(
            found.text,
            "outside of the window 12:00-13:00 UTC; it opens Sat 12:00 UTC, in 1h 31m"
        );
        let monday = Window::parse("mon 09:00-10:00 Europe/Oslo").unwrap();
        let found = read(&[monday], "2026-01-05T09:00:00Z".parse().unwrap());
        assert!(found.text.ends_with("it opens Mon 09:00 CET, in 6days 23h"), "{}", found.text);
    }

    #[test]
    fn what_is_no_window_is_refused_with_its_form() {
        for (bad, word) in [
            ("01:00-05:00", "time zone"),
            ("1-5 UTC", "time of the day"),
            ("25:00-26:00 UTC", "time of the day"),
            ("24:30-25:00 UTC", "time of the day"),
            ("01:00-01:00 UTC", "empty"),
            ("01:00-05:00 Europe/Olso", "Europe/Olso"),
            ("someday 01:00-05:00 UTC", "is not a day"),
            ("", "not a window"),
            ("at night", "not a window"),
        ] {
            let error = Window::parse(bad).unwrap_err();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
