//! Containers of the end-to-end tests, through testcontainers: started from the same recipe as by the command
//! line, removed when they are dropped.

use anyhow::{Context, Result};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt,
    core::{ContainerPort, IntoContainerPort},
    runners::AsyncRunner,
};

use super::docker::{Container, LABEL, Recipe};

/// A container that testcontainers removes.
#[derive(Debug)]
pub(crate) struct TestContainer {
    /// For killing and restarting it.
    pub(crate) container: Container,
    _guard: ContainerAsync<GenericImage>,
}

impl TestContainer {
    /// Starts a container; it may not accept connections yet.
    pub(crate) async fn start(recipe: &Recipe) -> Result<Self> {
        let (name, tag) = recipe
            .image
            .rsplit_once(':')
            .unwrap_or((&recipe.image, "latest"));
        let port: ContainerPort = recipe.container_port.tcp();
        let mut request = GenericImage::new(name, tag)
            .with_exposed_port(port)
            .with_mapped_port(recipe.port, port)
            .with_container_name(&recipe.name)
            .with_label(LABEL, std::process::id().to_string())
            .with_cmd(recipe.arguments.iter().copied());
        for (name, value) in &recipe.environment {
            request = request.with_env_var(*name, *value);
        }
        let guard = request
            .start()
            .await
            .with_context(|| format!("cannot start a container of {}", recipe.image))?;
        Ok(TestContainer {
            container: Container::adopt(recipe),
            _guard: guard,
        })
    }
}
