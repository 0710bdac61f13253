//! The name of an image, taken apart as Docker does.

/// What the registry of Docker is called in Docker's files, and asked for from credential helpers.
pub(super) const HUB: &str = "https://index.docker.io/v1/";

/// A name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// All but tag and digest, as it was given.
    pub(super) name: String,
    /// The tag, or the digest with its `sha256:`; `latest` if neither was given.
    pub(super) tag: String,
    /// The registry: `docker.io`, `localhost:5000`.
    pub(super) registry: String,
}

impl Reference {
    /// Takes a name apart. It says nothing of whether the name is any good: that is the engine's to say.
    pub(super) fn of(image: &str) -> Self {
        let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
        let last = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[last..].rfind(':') {
            Some(at) => (&rest[..last + at], Some(&rest[last + at + 1..])),
            None => (rest, None),
        };
        let registry = match name.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => normal(first),
            _ => "docker.io".to_owned(),
        };
        // A digest says more than a tag.
        let tag = digest.or(tag).unwrap_or("latest");
        Self { name: name.to_owned(), tag: tag.to_owned(), registry }
    }
}

/// The one name of a registry, of the several that it has in files: without scheme and path, and Docker's own as `docker.io`.
pub(super) fn normal(registry: &str) -> String {
    let rest = registry.strip_prefix("https://").or_else(|| registry.strip_prefix("http://")).unwrap_or(registry);
    let host = rest.split('/').next().unwrap_or(rest).to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io".to_owned(),
        _ => host,
    }
}

/// What a registry is asked for by: credential helpers and engines know Docker's own by an old name.
pub(super) fn address(registry: &str) -> &str {
    if registry == "docker.io" { HUB } else { registry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (image, name, tag, registry) in [
            ("alpine", "alpine", "latest", "docker.io"),
            ("library/alpine:3.20", "library/alpine", "3.20", "docker.io"),
            ("docker.io/alpine", "docker.io/alpine", "latest", "docker.io"),
            ("localhost/a/b", "localhost/a/b", "latest", "localhost"),
            ("127.0.0.1:5000/a", "127.0.0.1:5000/a", "latest", "127.0.0.1:5000"),
            ("ghcr.io/a/b:v1@sha256:00ff", "ghcr.io/a/b", "sha256:00ff", "ghcr.io"),
            ("Registry.Example.org:443/a:b", "Registry.Example.org:443/a", "b", "registry.example.org:443"),
        ] {
            let expected = Reference { name: name.into(), tag: tag.into(), registry: registry.into() };
            assert_eq!(Reference::of(image), expected, "{image}");
        }
    }

    #[test]
    fn a_registry_has_one_name() {
        for name in [HUB, "index.docker.io", "docker.io", "https://registry-1.docker.io/v2/", "https://index.docker.io"]
        {
            assert_eq!(normal(name), "docker.io", "{name}");
        }
        assert_eq!(normal("https://ghcr.io/v2/"), "ghcr.io");
        assert_eq!(normal("http://localhost:5000"), "localhost:5000");
        assert_eq!(address("docker.io"), HUB);
        assert_eq!(address("ghcr.io"), "ghcr.io");
    }
}
