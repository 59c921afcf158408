//! How a setting's text becomes a value; the same for flags, environment, file and `airlock tune`.

use super::limits::OnBlocker;
use std::time::Duration;

/// `50ms`, `2s`, `10m`, `1h 30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("a duration needs a unit, for example {text}ms or {text}s"));
    }
    humantime::parse_duration(text)
        .map_err(|_| "not a duration; write it like 50ms, 2s, 10m or 1h".to_owned())
}

/// How long an order holds: above nothing, and no longer than anybody plans.
pub fn lasting(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < LASTING_MIN {
        return Err("too short to have an effect; the least is 1s".to_owned());
    }
    if time > LASTING_MAX {
        return Err("longer than a year; without a time it stays until it is taken back".to_owned());
    }
    Ok(time)
}

const LASTING_MIN: Duration = Duration::from_secs(1);
const LASTING_MAX: Duration = Duration::from_secs(366 * 86_400);

/// `15%` or `0.15`, as a share of 1.
pub fn share(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (number, divisor) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let value = number.parse::<f64>().ok().filter(|value| value.is_finite());
    value
        .map(|value| value / divisor)
        .ok_or_else(|| "not a share; write it like 15% or 0.15".to_owned())
}

/// `10GB`, `512MB`; units are PostgreSQL's, powers of 1024. A bare number is bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    let bad = || "not a size; write it like 512MB or 10GB".to_owned();
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1 << 10,
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        "TB" => 1 << 40,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(factor).ok_or_else(bad)
}

/// A plain number.
pub fn count(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| "not a whole number".to_owned())
}

/// How many block ranges are walked side by side.
pub fn jobs(text: &str) -> Result<usize, String> {
    usize::try_from(count(text)?).map_err(|_| "too many".to_owned())
}

/// `wait`, `cancel` or `terminate`.
pub fn on_blocker(text: &str) -> Result<OnBlocker, String> {
    match text.trim() {
        "wait" => Ok(OnBlocker::Wait),
        "cancel" => Ok(OnBlocker::Cancel),
        "terminate" => Ok(OnBlocker::Terminate),
        _ => Err("not one of wait, cancel, terminate".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_lasts_for_a_time_that_makes_sense() {
        assert_eq!(lasting("10m"), Ok(Duration::from_secs(600)));
        for bad in ["0s", "1ms", "400days", "1000000000h", "10"] {
            assert!(lasting(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration(" 1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("50").unwrap_err().contains("50ms"));
        for bad in ["", "x", "-1s", "1 parsec"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_are_percent_or_a_fraction() {
        assert_eq!(share("15%"), Ok(0.15));
        assert_eq!(share("0.15"), Ok(0.15));
        assert_eq!(share("12.5 %"), Ok(0.125));
        for bad in ["", "%", "x%", "NaN", "inf", "15%%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(bytes("10GB"), Ok(10 << 30));
        assert_eq!(bytes("512 MB"), Ok(512 << 20));
        assert_eq!(bytes("4096"), Ok(4096));
        for bad in ["", "GB", "10gb", "1.5GB", "99999999TB", "-1"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
