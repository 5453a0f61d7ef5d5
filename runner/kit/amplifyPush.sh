#!/bin/sh
# amplifyPush deploys an Amplify backend of the first generation with the Amplify CLI, without asking anything. preamp puts it
# into every build.
#
# The environment is a new one when the environment cache holds nothing of it; otherwise it is imported first. Credentials
# never stand on a command line: the CLI is told to take them from where every AWS tool looks for them.
set -eu
kit=@KIT@

usage() {
    cat >&2 <<END
amplifyPush: ${1}
usage: amplifyPush [-s | --simple] [-e | --environment NAME] [-r | --region REGION] [--pull]
       --environment  the backend environment; otherwise it has the name of the branch, or USER_BRANCH
       --region       the AWS region
       --pull         deploy nothing: only fetch the environment and write aws-exports.js
       --simple       taken for the sake of old specifications; it changes nothing
END
    exit 2
}

# fail NUMBER TEXT ends with an exit code and says why.
fail() {
    echo "!!! amplifyPush: $2" >&2
    exit "$1"
}

on() {
    case ${1} in true | TRUE | True | 1 | yes) return 0 ;; esac
    return 1
}

# quoted prints a text as a JSON string.
quoted() {
    printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# field adds a member to the JSON object in the variable fields when there is a value for it.
fields=
field() {
    if [ -n "$2" ]; then fields="${fields:+$fields,}$(quoted "$1"):$(quoted "$2")"; fi
}

env=${AWS_BRANCH-}
pull=
# A backend environment may be associated with the branch: arn:aws:amplify:REGION:ACCOUNT:apps/ID/backendenvironments/NAME
app=${AMPLIFY_BACKEND_APP_ID-}
case ${AWS_BACKEND_ENVIRONMENT_ARN-} in
*:apps/*/backendenvironments/?*)
    env=${AWS_BACKEND_ENVIRONMENT_ARN##*/}
    if [ -z "$app" ]; then
        app=${AWS_BACKEND_ENVIRONMENT_ARN#*:apps/}
        app=${app%%/*}
    fi
    ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
    -s | --simple) ;;
    --pull) pull=true ;;
    -e | --environment)
        [ $# -ge 2 ] || usage "$1 needs a name"
        shift
        env=$1
        ;;
    --environment=*) env=${1#*=} ;;
    -r | --region)
        [ $# -ge 2 ] || usage "$1 needs a region"
        shift
        AWS_REGION=$1
        ;;
    --region=*) AWS_REGION=${1#*=} ;;
    *) usage "unknown option $1" ;;
    esac
    shift
done
if [ -n "${AWS_REGION-}" ]; then
    AWS_DEFAULT_REGION=$AWS_REGION
    export AWS_REGION AWS_DEFAULT_REGION
fi

for name in AMPLIFY_SKIP_BACKEND_BUILD PROCESS_SKIP_BACKEND; do
    value=
    eval "value=\${$name-}"
    if on "$value"; then
        echo "# Skipping the backend: $name is $value"
        exit 0
    fi
done

# The name of the environment, by the service's rules. The CLI itself takes fewer names, and says so.
if [ -n "${USER_BRANCH-}" ]; then env=$USER_BRANCH; fi
env=$(printf %s "$env" | tr -d '\\/' | cut -c 1-10)
case $env in
'' | *[!a-zA-Z0-9-]*) fail 2 "\"$env\" cannot be the name of a backend environment: letters, digits and - are allowed; name one with --environment or in USER_BRANCH" ;;
esac

case $env in
? | *[!a-z]*) echo "! amplifyPush: the Amplify CLI takes only 2 to 10 lower-case letters for a new environment, not \"$env\"; --environment or USER_BRANCH name another" >&2 ;;
esac

command -v amplify >/dev/null 2>&1 ||
    fail 127 "this image has no Amplify CLI: add a command \"npm install -g @aws-amplify/cli\" before this one, or set _LIVE_UPDATES"

# How the CLI finds credentials: by itself ("general": variables, container roles), or in a profile.
provider='{"configLevel":"general"}'
if [ -n "${AWS_ACCESS_KEY_ID-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY-}" ]; then :
elif [ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI-}${AWS_CONTAINER_CREDENTIALS_FULL_URI-}${AWS_WEB_IDENTITY_TOKEN_FILE-}" ]; then :
elif [ -n "${AWS_PROFILE-}" ] || [ -f "${AWS_SHARED_CREDENTIALS_FILE:-${HOME-}/.aws/credentials}" ]; then
    provider="{\"configLevel\":\"project\",\"useProfile\":true,\"profileName\":$(quoted "${AWS_PROFILE:-default}")}"
else
    fail 1 "there are no AWS credentials in this build; pass them with: preamp build --env AWS_ACCESS_KEY_ID --env AWS_SECRET_ACCESS_KEY --env AWS_SESSION_TOKEN --env AWS_REGION"
fi
providers="{\"awscloudformation\":$provider}"
codegen='{"generateCode":false,"generateDocs":false}'

if [ -z "$pull" ] && on "${AMPLIFY_BACKEND_PULL_ONLY-}"; then
    echo "## Running amplify pull to generate aws-exports.js file for frontend"
    pull=true
fi
if [ -n "$pull" ]; then
    field appId "${app:-${AWS_APP_ID-}}"
    field envName "$env"
    exec amplify pull --amplify "{$fields}" --providers "$providers" --yes
fi

# What the CLI needs to know of signing in with others, and of pools that were made elsewhere.
field facebookAppIdUserPool "${AMPLIFY_FACEBOOK_CLIENT_ID-}"
field facebookAppSecretUserPool "${AMPLIFY_FACEBOOK_CLIENT_SECRET-}"
field googleAppIdUserPool "${AMPLIFY_GOOGLE_CLIENT_ID-}"
field googleAppSecretUserPool "${AMPLIFY_GOOGLE_CLIENT_SECRET-}"
field loginwithamazonAppIdUserPool "${AMPLIFY_AMAZON_CLIENT_ID-}"
field loginwithamazonAppSecretUserPool "${AMPLIFY_AMAZON_CLIENT_SECRET-}"
field userPoolId "${AMPLIFY_USERPOOL_ID-}"
field webClientId "${AMPLIFY_WEBCLIENT_ID-}"
field nativeClientId "${AMPLIFY_NATIVECLIENT_ID-}"
field identityPoolId "${AMPLIFY_IDENTITYPOOL_ID-}"
categories=$fields
fields=
# AWS_APP_ID is not among them: unless preamp was told it, it is made up, and the project's own files know the real one.
field appId "$app"
field envName "$env"

echo "# Getting Amplify CLI Cloud-Formation stack info from environment cache"
known=$("$kit/bin/envCache" --get stackInfo)
echo "# Start initializing Amplify environment: $env"
if [ -n "$known" ]; then
    echo "# Importing Amplify environment: $env (amplify env import)"
    amplify env import --name "$env" --config "$known" --awsInfo "$provider" --yes
    echo "# Initializing existing Amplify environment: $env (amplify init)"
else
    echo "# Initializing new Amplify environment: $env (amplify init)"
fi
set -- --amplify "{$fields}" --providers "$providers" --codegen "$codegen"
if [ -n "$categories" ]; then set -- "$@" --categories "{\"auth\":{$categories}}"; fi
if [ -n "${AMPLIFY_PERMISSIONS_BOUNDARY_ARN-}" ]; then set -- "$@" --permissions-boundary "$AMPLIFY_PERMISSIONS_BOUNDARY_ARN"; fi
amplify init "$@" --yes
echo "# Done initializing Amplify environment: $env"

echo "# Deploying Amplify environment: $env (amplify push)"
set -- --codegen "$codegen"
if on "${AMPLIFY_DESTRUCTIVE_UPDATES-}"; then set -- "$@" --allow-destructive-graphql-schema-updates; fi
amplify push "$@" --yes

echo "# Store Amplify CLI Cloud-Formation stack info in environment cache"
answer=$(amplify env get --name "$env" --json)
# The CLI may add a remark of its own around the JSON object.
info=$(printf '%s\n' "$answer" | sed -n '/^{.*}$/{p;q;};/^{/,/^}/p')
[ -n "$info" ] || fail 1 "amplify env get did not tell the environment's stack; it said: $answer"
printf %s "$info" | "$kit/bin/envCache" --set-stdin stackInfo
