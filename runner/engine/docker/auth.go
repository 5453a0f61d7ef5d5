package docker

import (
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/preamp-build/preamp/runner/engine"
)

// registryAuth is the given login or, where that is empty, the one that the docker or podman CLI has for the registry of
// ref, credential helpers included, in the form that the API wants; "" when there is none.
func registryAuth(ref string, given engine.RegistryLogin) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ""
	}
	if given != (engine.RegistryLogin{}) {
		return encodeAuth(registry.AuthConfig{
			Username: given.Username, Password: given.Password, RegistryToken: given.Token, ServerAddress: parsed.Context().RegistryStr(),
		})
	}
	found, err := authn.DefaultKeychain.Resolve(parsed.Context())
	if err != nil || found == authn.Anonymous {
		return "" // without a login the registry may still let us in, and says so itself if not
	}
	login, err := found.Authorization()
	if err != nil {
		return ""
	}
	return encodeAuth(registry.AuthConfig{
		Username: login.Username, Password: login.Password, Auth: login.Auth,
		IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
		ServerAddress: parsed.Context().RegistryStr(),
	})
}

func encodeAuth(config registry.AuthConfig) string {
	auth, err := registry.EncodeAuthConfig(config)
	if err != nil {
		return ""
	}
	return auth
}
