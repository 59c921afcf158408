//! What the application of the demo sends, version by version.
//!
//! A version is the number of example migrations that it has been adapted to: 1 writes `status`
//! itself, 3 says `phone_number`, 4 says `full_name`.

/// Versions of the application, 0 before any migration.
pub type Version = u8;

/// A statement of the application in `version`, for a customer below `customers`, at random.
pub fn statement(version: Version, customers: u64, fresh: &str) -> String {
    let id = fastrand::u64(1..=customers);
    let phone = if version >= 3 { "phone_number" } else { "phone" };
    let name = if version >= 4 { "full_name" } else { "first_name, last_name" };
    match fastrand::u8(0..10) {
        0..=4 => {
            format!("SELECT id, email, {name}, {phone}, country FROM customers WHERE id = {id}")
        }
        5 | 6 => {
            let value = if fastrand::bool() { "NULL".to_owned() } else { format!("'+46 {id}'") };
            format!("UPDATE customers SET {phone} = {value} WHERE id = {id}")
        }
        7 => {
            let set = if version >= 4 {
                format!("full_name = 'New{id} Name'")
            } else {
                format!("first_name = 'New{id}'")
            };
            format!("UPDATE customers SET {set}, last_seen = now() WHERE id = {id}")
        }
        8 => {
            let (names, values) = if version >= 4 {
                ("full_name", format!("'Fresh {fresh}'"))
            } else {
                ("first_name, last_name", format!("'Fresh', '{fresh}'"))
            };
            let (status, status_value) =
                if version >= 1 { (", status", ", 'abroad'") } else { ("", "") };
            format!(
                "INSERT INTO customers (email, {names}, {phone}, country{status}) \
                 VALUES ('{fresh}@example.net', {values}, '+45 {id}', 'DK'{status_value}) \
                 ON CONFLICT (email) DO NOTHING"
            )
        }
        _ => format!("UPDATE customers SET last_seen = now() WHERE id = {id}"),
    }
}
