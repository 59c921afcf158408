//! TLS as libpq's `sslmode` asks for it: what is encrypted, what is verified, which certificate we
//! show. Reads certificate files; opens no connection.
//!
//! As in libpq, a root certificate that is named, or that lies in `~/.postgresql/root.crt`, is
//! always checked against, also under `require` and `prefer`; only `verify-full` compares the host
//! name (PostgreSQL manual, "SSL Support").

use super::settings::Environment;
use crate::error::{Error, Kind};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// libpq's `sslmode`. Its `allow` is read as `prefer`, which tries the two ways in the safer order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => SslMode::Disable,
            "allow" | "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => return None,
        })
    }

    pub(super) fn for_client(self) -> tokio_postgres::config::SslMode {
        match self {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                tokio_postgres::config::SslMode::Require
            }
        }
    }

    fn verifies(self) -> bool {
        match self {
            SslMode::VerifyCa | SslMode::VerifyFull => true,
            SslMode::Disable | SslMode::Prefer | SslMode::Require => false,
        }
    }
}

/// Whom the server's certificate must come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    /// Anybody: encrypted, not authenticated.
    Unchecked,
    File(PathBuf),
    /// The operating system's store: `sslrootcert=system`.
    System,
}

/// The TLS part of a connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    roots: Roots,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    direct: bool,
}

impl TlsSettings {
    /// Unencrypted, as over a Unix socket.
    pub(super) fn off() -> Self {
        Self {
            mode: SslMode::Disable,
            roots: Roots::Unchecked,
            certificate: None,
            key: None,
            direct: false,
        }
    }

    /// Takes the TLS parameters out of `parameters`.
    pub(super) fn take(
        parameters: &mut BTreeMap<String, String>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let input = |message: String| Error::new(Kind::Input, message);
        let system = parameters.get("sslrootcert").is_some_and(|roots| roots == "system");
        let mode = match parameters.remove("sslmode") {
            Some(text) => SslMode::parse(&text).ok_or_else(|| {
                input(format!("sslmode \"{text}\" is not known"))
                    .hint("Use disable, prefer, require, verify-ca or verify-full.")
            })?,
            None if system => SslMode::VerifyFull,
            None => SslMode::Prefer,
        };
        if system && mode != SslMode::VerifyFull {
            return Err(input("sslrootcert=system needs sslmode=verify-full".into()).detail(
                "Anybody can have a certificate from a public authority: without the host name it \
                 proves nothing.",
            ));
        }
        let existing = |name| environment.postgresql_file(name).filter(|path| path.is_file());
        let roots = match parameters.remove("sslrootcert").map(PathBuf::from) {
            Some(_) if system => Roots::System,
            Some(path) => Roots::File(path),
            None => match existing("root.crt") {
                Some(path) => Roots::File(path),
                None if mode.verifies() => {
                    return Err(input(
                        "there is no root certificate to verify the server by".into(),
                    )
                    .hint(
                        "Name the file of your authority's certificate with sslrootcert=, put \
                             it into ~/.postgresql/root.crt, or use the system's authorities with \
                             sslrootcert=system.",
                    ));
                }
                None => Roots::Unchecked,
            },
        };
        let named = parameters.remove("sslcert").map(PathBuf::from);
        let certificate = named.or_else(|| existing("postgresql.crt"));
        let named = parameters.remove("sslkey").map(PathBuf::from);
        let key = named.or_else(|| existing("postgresql.key"));
        let direct = parameters.get("sslnegotiation").is_some_and(|value| value == "direct");
        if direct && matches!(mode, SslMode::Disable | SslMode::Prefer) {
            return Err(input("sslnegotiation=direct needs sslmode=require or stronger".into()));
        }
        Ok(Self { mode, roots, certificate, key, direct })
    }

    /// The same for libpq, as environment variables.
    pub(super) fn libpq_environment(&self) -> Vec<(&'static str, String)> {
        let mode = match self.mode {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            SslMode::Require => "require",
            SslMode::VerifyCa => "verify-ca",
            SslMode::VerifyFull => "verify-full",
        };
        let mut variables = vec![("PGSSLMODE", mode.to_owned())];
        match &self.roots {
            Roots::Unchecked => {}
            Roots::File(path) => variables.push(("PGSSLROOTCERT", path.display().to_string())),
            Roots::System => variables.push(("PGSSLROOTCERT", "system".to_owned())),
        }
        for (name, path) in [("PGSSLCERT", &self.certificate), ("PGSSLKEY", &self.key)] {
            variables.extend(path.iter().map(|path| (name, path.display().to_string())));
        }
        variables
    }

    /// Reads the files and makes the configuration of the handshake.
    pub(super) fn client_config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = self.verifier(Arc::clone(&provider))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed("cannot set up TLS", &error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                builder.with_client_auth_cert(chain, private_key(key)?).map_err(|error| {
                    failed("the client certificate and its key cannot be used", &error)
                })?
            }
            (Some(certificate), None) => {
                return Err(Error::new(
                    Kind::Input,
                    format!("there is no private key for {}", certificate.display()),
                )
                .hint("Name it with sslkey=, or put it into ~/.postgresql/postgresql.key."));
            }
            (None, _) => builder.with_no_client_auth(),
        };
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(config)
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Verifier, Error> {
        let anchors = match &self.roots {
            Roots::Unchecked => return Ok(Verifier { provider, check: Check::Nothing }),
            Roots::File(path) => certificates(path)?,
            Roots::System => {
                let loaded = rustls_native_certs::load_native_certs();
                if loaded.certs.is_empty() {
                    return Err(Error::new(
                        Kind::Failed,
                        "the system has no root certificates to verify the server by",
                    )
                    .hint(
                        "Install the package ca-certificates, or name a file with sslrootcert=.",
                    ));
                }
                loaded.certs
            }
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(anchors.iter().cloned());
        let name = self.mode == SslMode::VerifyFull;
        Ok(Verifier { provider, check: Check::Chain { roots, anchors, name } })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let shown = path.display();
    let trouble = |detail: String| {
        Error::new(Kind::Failed, format!("cannot read the certificate file {shown}")).detail(detail)
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(list) if list.is_empty() => Err(trouble("There is no PEM certificate in it.".into())),
        Ok(list) => Ok(list),
        Err(error) => Err(trouble(format!("{error}."))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let shown = path.display();
    let message = format!("cannot use the private key {shown}");
    let mode =
        std::fs::metadata(path).map_err(|error| failed(&message, &error))?.permissions().mode();
    // As libpq: the owner alone, or root's file with read access for a group.
    if mode & 0o037 != 0 {
        return Err(Error::new(Kind::Failed, message)
            .detail("Others can read it.")
            .hint(format!("Run: chmod 0600 {shown}")));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        failed(&message, &error).hint("Encrypted keys are not supported: store it unencrypted.")
    })
}

fn failed(message: &str, error: &dyn std::error::Error) -> Error {
    Error::new(Kind::Failed, message).detail(format!("{error}."))
}

#[derive(Debug)]
enum Check {
    Nothing,
    Chain {
        roots: RootCertStore,
        /// The same as they stand in the file: a server certificate that is listed there itself is
        /// trusted, as OpenSSL does; many small set-ups have one self-signed certificate only.
        anchors: Vec<CertificateDer<'static>>,
        name: bool,
    },
}

/// Verifies what the mode asks for, and always that the server holds its certificate's key.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    check: Check,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Check::Chain { roots, anchors, name } = &self.check {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            if !anchors.contains(end_entity) {
                verify_server_cert_signed_by_trust_anchor(
                    &parsed,
                    roots,
                    intermediates,
                    now,
                    self.provider.signature_verification_algorithms.all,
                )?;
            }
            if *name {
                verify_server_name(&parsed, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
