//! Settings: flags, environment and `airlock.toml` become one resolved value.
//!
//! The only place where precedence is decided: flag over environment variable over `[env.NAME]` over
//! the rest of the file over default. One exception: whoever names an environment that names its
//! database means that database, whatever `DATABASE_URL` says.
//! Reads the file; never opens a connection.

mod environment;
pub mod layer;
mod password;
mod targets;
mod telemetry;
pub mod template;
mod throttle;
mod variables;

use crate::connect::{PasswordCommand, Target};
use crate::error::{Error, Excerpt, Kind};
use crate::fleet::Group;
use crate::report::estimate::Speed;
use crate::rewrite;
use crate::run::limits::Limits;
pub use crate::run::value;
use crate::sql::{Diagnostic, Span};
use crate::telemetry::Settings as Telemetry;
pub use environment::{Earlier, Environment};
use layer::{FileLayer, LimitsLayer};
pub use layer::{LintIgnore, LintSettings, SchemaSettings};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub use variables::Variables;

/// Name of the file that is read when no other is named.
pub const FILE_NAME: &str = "airlock.toml";
/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Everything that a command needs to know, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub database_url: Option<DatabaseUrl>,
    /// Gives the password of any database of the project where nothing else does.
    pub password_command: Option<PasswordCommand>,
    /// Folder of the revision files.
    pub migrations: PathBuf,
    /// Folder of the plan files.
    pub plans: PathBuf,
    pub limits: Limits,
    /// What decides between recipes.
    pub planning: rewrite::Options,
    /// Where a run is told of beside the terminal.
    pub telemetry: Telemetry,
    /// What times are estimated from.
    pub speed: Speed,
    /// `[revision]`: what stands in a new revision file below its header.
    pub template: Option<PathBuf>,
    /// What `airlock.toml` says about `lint`, as written.
    pub lint: LintSettings,
    /// Where the desired schema comes from, as written.
    pub schema: SchemaSettings,
    /// The folder of `airlock.toml`, from which its paths and commands start; empty for the current.
    pub folder: PathBuf,
    /// The name of the file, for errors about what it says.
    pub file: String,
    /// The environment that was asked for.
    pub environment: Option<Environment>,
    /// What `--confirm` says.
    pub confirmed: Option<String>,
    /// Only a plan that is there already is run.
    pub reviewed: bool,
    /// Databases that are taken through the same migrations together, by name.
    pub targets: BTreeMap<String, Group>,
    /// Values of the variables of revision files.
    pub variables: Variables,
}

/// Where the database is, password and all: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Settings {
    /// The database to work on.
    ///
    /// # Errors
    /// `Kind::Input` when none is named or its URL cannot be read.
    pub fn target(&self) -> Result<Target, Error> {
        match &self.database_url {
            Some(url) => self.target_at(&url.0),
            None => Err(Error::new(Kind::Input, "no database is named").hint(
                "Give --database-url or --env, set DATABASE_URL, or write database_url into airlock.toml.",
            )),
        }
    }

    /// Another database of the project's; its password comes from where passwords come from here.
    ///
    /// # Errors
    /// `Kind::Input` when the URL cannot be read.
    pub fn target_at(&self, url: &str) -> Result<Target, Error> {
        Ok(Target::parse(url)?.with_password_command(self.password_command.as_ref()))
    }
}

impl Earlier {
    /// Its database.
    ///
    /// # Errors
    /// `Kind::Input` when its URL cannot be read.
    pub fn target(&self) -> Result<Target, Error> {
        Ok(Target::parse(&self.url.0)?.with_password_command(self.password_command.as_ref()))
    }
}

/// What the command line says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub env: Option<String>,
    pub confirm: Option<String>,
    pub database_url: Option<String>,
    /// `name=value` each.
    pub set: Vec<String>,
    pub limits: LimitsLayer,
}

/// Reads the file, if there is one, and puts everything together.
///
/// # Errors
/// `Kind::Input`: a named file that is not there, an unknown key, a value that cannot be read or
/// that makes no sense, each with its place.
pub fn load(flags: Flags, get: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Error> {
    let variable = |name: &str| get(name).filter(|text| !text.is_empty());
    let named = flags.config.clone().or_else(|| variable("AIRLOCK_CONFIG").map(PathBuf::from));
    let (path, text) = match named {
        Some(path) => {
            let text = read_file(&path)?;
            (path, text)
        }
        None => {
            let path = PathBuf::from(FILE_NAME);
            let text = if path.exists() { read_file(&path)? } else { String::new() };
            (path, text)
        }
    };
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    settings(flags, get, &path.display().to_string(), &text, &folder)
}

/// Everything put together; `path` and `text` are those of the file.
fn settings(
    flags: Flags,
    get: &dyn Fn(&str) -> Option<String>,
    path: &str,
    text: &str,
    folder: &Path,
) -> Result<Settings, Error> {
    let file = parse_file(path, text)?;
    environment::check(path, &file)?;
    let name = flags.env.clone().or_else(|| get("AIRLOCK_ENV")).filter(|name| !name.is_empty());
    let Some(name) = name else { return resolve(flags, get, file, (path, folder), None) };
    let own = file.env.get(&name);
    let names_database =
        own.is_some_and(|own| own.database_url.is_some() || own.database_url_env.is_some());
    let after = own.and_then(|own| own.after.clone());
    let layer = environment::overlaid(path, text, &name)?;
    let after = match after {
        Some(after) => {
            let layer = environment::overlaid(path, text, &after)?;
            let url = database_url(&layer, get)?;
            let url = url.ok_or_else(|| {
                let message = format!("environment {after} names no database");
                Error::new(Kind::Input, message)
                    .detail(format!("Plans have to run there before they run in {name}."))
                    .hint(format!("Write database_url or database_url_env below [env.{after}]."))
            })?;
            let password_command = password::command(
                layer.password_command,
                layer.password_timeout,
                layer.password_max_age,
            )?;
            Some(Earlier { name: after, url: DatabaseUrl(url), password_command })
        }
        None => None,
    };
    let environment = Environment { name, confirm: layer.confirm, after };
    let chosen = Chosen { environment, names_database };
    resolve(flags, get, layer, (path, folder), Some(chosen))
}

/// The environment with whether its own settings name its database.
struct Chosen {
    environment: Environment,
    names_database: bool,
}

/// The URL that the file gives, itself or by the name of a variable.
fn database_url(
    file: &FileLayer,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Error> {
    let Some(name) = &file.database_url_env else { return Ok(file.database_url.clone()) };
    let value = get(name).filter(|url| !url.is_empty());
    value.map(Some).ok_or_else(|| {
        Error::new(Kind::Input, format!("environment variable {name} is not set"))
            .detail("database_url_env in the settings file says that it holds the database's URL.")
    })
}

fn read_file(path: &Path) -> Result<String, Error> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Input, format!("cannot read {shown}")).detail(format!("{error}."))
    })?;
    if text.len() > MAX_FILE_BYTES {
        return Err(Error::new(
            Kind::Input,
            format!("{shown} is larger than {MAX_FILE_BYTES} bytes"),
        ));
    }
    Ok(text)
}

fn parse_file(path: &str, text: &str) -> Result<FileLayer, Error> {
    toml::from_str(text).map_err(|found: toml::de::Error| {
        let mut error = Error::new(Kind::Input, format!("cannot read {path}"));
        let message = found.message().trim().replace('\n', "; ");
        match found.span() {
            Some(span) => {
                let diagnostics = vec![Diagnostic::new(message, Span::new(span.start, span.end))];
                let (path, text) = (path.to_owned(), text.to_owned());
                error.excerpt = Some(Box::new(Excerpt { path, text, diagnostics }));
                error
            }
            None => error.detail(message),
        }
    })
}

fn resolve(
    flags: Flags,
    get: &dyn Fn(&str) -> Option<String>,
    file: FileLayer,
    (path, folder): (&str, &Path),
    chosen: Option<Chosen>,
) -> Result<Settings, Error> {
    let of_file = |error: Error| in_file(path, error);
    let variable = get("DATABASE_URL").filter(|url| !url.is_empty());
    let names_database = chosen.as_ref().is_some_and(|chosen| chosen.names_database);
    // A variable that is not set is no obstacle where another source decides.
    let database_url = match (flags.database_url, variable) {
        (Some(url), _) => Some(url),
        (None, Some(url)) if !names_database => Some(url),
        (None, _) => database_url(&file, get)?,
    };
    let own = LimitsLayer::from(file.limits);
    let wrong_in_file = with_defaults(own.clone()).check().err();
    let limits = flags.limits.over(LimitsLayer::from_environment(get)?).over(own);
    let planning = rewrite::Options::default();
    let speed = Speed {
        scan: file.report.scan_speed.unwrap_or(Speed::default().scan),
        write: file.report.write_speed.unwrap_or(Speed::default().write),
    };
    check_speed(speed).map_err(of_file)?;
    check_schema(&file.schema).map_err(of_file)?;
    Ok(Settings {
        database_url: database_url.map(DatabaseUrl),
        password_command: password::command(
            file.password_command,
            file.password_timeout,
            file.password_max_age,
        )
        .map_err(of_file)?,
        migrations: folder.join(file.migrations.as_deref().unwrap_or("migrations")),
        plans: folder.join(file.plans.as_deref().unwrap_or("plans")),
        template: file.revision.template.map(|path| folder.join(path)),
        lint: file.lint,
        telemetry: telemetry::settings(file.metrics, file.log, file.hook, folder)
            .map_err(of_file)?,
        schema: file.schema,
        folder: folder.to_owned(),
        file: path.to_owned(),
        environment: chosen.map(|chosen| chosen.environment),
        confirmed: flags.confirm,
        reviewed: file.reviewed,
        targets: targets::groups(file.targets).map_err(of_file)?,
        variables: Variables::new(file.variables, &flags.set)?,
        speed,
        limits: {
            let throttle = file.throttle.settings().map_err(of_file)?;
            let limits = Limits { throttle: Arc::new(throttle), ..with_defaults(limits) };
            limits.check().map_err(|what| {
                let of_flags = wrong_in_file.as_ref() != Some(&what);
                let error = Error::new(Kind::Input, what);
                if of_flags { error } else { of_file(error) }
            })?;
            limits
        },
        planning: rewrite::Options {
            small_table_rows: file.plan.small_table_rows.unwrap_or(planning.small_table_rows),
            dual_column_limit_bytes: file
                .plan
                .dual_column_limit
                .unwrap_or(planning.dual_column_limit_bytes),
        },
    })
}

/// An error about what the file says, which names it.
fn in_file(path: &str, mut error: Error) -> Error {
    error.message = format!("{path}: {}", error.message);
    error
}

/// Where the desired schema comes from is one thing.
fn check_schema(schema: &SchemaSettings) -> Result<(), Error> {
    if schema.path.is_some() && schema.command.is_some() {
        return Err(Error::new(Kind::Input, "[schema] names both a path and a command")
            .hint("Keep one of them."));
    }
    Ok(())
}

fn with_defaults(layer: LimitsLayer) -> Limits {
    let default = Limits::default();
    let max_stall = layer.max_stall.unwrap_or(default.max_stall);
    Limits {
        max_stall,
        max_hold: layer.max_hold.unwrap_or(default.max_hold),
        patience: layer.patience.unwrap_or(default.patience),
        escalate_to: layer.escalate_to.or(default.escalate_to),
        // Who lowers the stall budget alone means batches too: a batch holds row locks.
        batch_target: layer.batch_target.unwrap_or(default.batch_target.min(max_stall / 2)),
        bloat_limit: layer.bloat_limit.unwrap_or(default.bloat_limit),
        jobs: layer.jobs.unwrap_or(default.jobs),
        on_blocker: layer.on_blocker.unwrap_or(default.on_blocker),
        blocker_age: layer.blocker_age.unwrap_or(default.blocker_age),
        throttle: default.throttle,
    }
}

/// Slower than any disk: a mistyped unit.
const MIN_SPEED: u64 = 64 << 10;

fn check_speed(speed: Speed) -> Result<(), Error> {
    for (name, value) in [("scan_speed", speed.scan), ("write_speed", speed.write)] {
        if value < MIN_SPEED {
            let message = format!("{name} is {value} bytes a second; it must be at least 64kB");
            return Err(Error::new(Kind::Input, message).hint("Write it like 400MB."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
