package docker

import (
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// registryAuth is the login that the docker or podman CLI has for the registry of ref, credential helpers included, in
// the form that the API wants; "" when there is none.
func registryAuth(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ""
	}
	found, err := authn.DefaultKeychain.Resolve(parsed.Context())
	if err != nil || found == authn.Anonymous {
		return "" // without a login the registry may still let us in, and says so itself if not
	}
	login, err := found.Authorization()
	if err != nil {
		return ""
	}
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{
		Username: login.Username, Password: login.Password, Auth: login.Auth,
		IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
		ServerAddress: parsed.Context().RegistryStr(),
	})
	if err != nil {
		return ""
	}
	return auth
}
