//! Who a server is believed to be: libpq's rules, by rustls.

use super::{Certificate, OpenError};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{path::Path, sync::Arc};

/// What rustls does with a server's certificate under a policy.
pub(super) fn client_config(certificate: &Certificate) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(ring::default_provider());
    let trust = match certificate {
        Certificate::Unchecked => Trust::Anybody,
        Certificate::Chain(file) => Trust::of(file, false, &provider)?,
        Certificate::ChainAndHost(file) => Trust::of(file, true, &provider)?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| OpenError::NoTls { source })?;
    let verifier = Arc::new(Verifier { trust, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Whom we talk to.
#[derive(Debug)]
enum Trust {
    /// Whoever answers. What is sent cannot be read on the way, unless somebody sits in the middle.
    Anybody,
    /// Whose certificate leads to one of ours.
    Roots {
        /// Ours, as they are. A server may show one of them itself, which no chain leads to.
        pinned: Vec<CertificateDer<'static>>,
        chain: Arc<WebPkiServerVerifier>,
        /// Whether it must be for the host that was asked for.
        host: bool,
    },
}

impl Trust {
    fn of(file: &Path, host: bool, provider: &Arc<CryptoProvider>) -> Result<Self, OpenError> {
        let unreadable = |why: String| OpenError::RootCertificates { path: file.to_owned(), why };
        let pinned = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for root in &pinned {
            roots.add(root.clone()).map_err(|error| unreadable(error.to_string()))?;
        }
        let chain = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider)).build();
        // The one thing that may be wrong with it: there are no roots in it.
        let chain = chain.map_err(|_| unreadable("there is no certificate in it".into()))?;
        Ok(Self::Roots { pinned, chain, host })
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::Roots { pinned, chain, host } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        if pinned.iter().any(|root| root == end_entity) {
            if *host {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        // The name is looked at last: that it is wrong says that all else is right.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !host => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
