//! A certificate for `localhost`, made anew in every run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::PrivateKeyDer,
};

/// A self-signed certificate: for rustls in memory, for the Go peer in two files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Trusts the certificate.
    pub client: Arc<ClientConfig>,
    /// Shows the certificate.
    pub server: Arc<ServerConfig>,
    /// The certificate as a PEM file.
    pub certificate_file: PathBuf,
    /// The private key as a PEM file.
    pub key_file: PathBuf,
}

impl Identity {
    /// Makes a key and a certificate, and writes both to `dir`.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn generate(dir: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let certificate_file = dir.join("certificate.pem");
        let key_file = dir.join("key.pem");
        fs::write(&certificate_file, made.cert.pem())?;
        fs::write(&key_file, made.signing_key.serialize_pem())?;

        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), certificate_file, key_file })
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
