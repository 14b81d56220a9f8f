"""Amazon's registries (ECR): their logins. Their images are those of any registry (oci.py).

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

from __future__ import annotations

import base64

from dogctl.errors import DogctlError
from dogctl.registries.base import Login
from dogctl.secrets import Secret


def login(region: str) -> Login | None:
    """A login that is good for 12 hours, from boto3's own chain; None if that has no credentials.

    Raises DogctlError.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        answer = boto3.client("ecr", region_name=region).get_authorization_token()
    except NoCredentialsError:
        return None
    except (BotoCoreError, ClientError) as error:
        raise DogctlError(
            f"Amazon gives no login for its registries in {region}",
            code="registry-login-refused",
            hint="aws sts get-caller-identity",
            detail=(str(error),),
        ) from error
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    username, _, password = token.partition(":")
    return Login(username, Secret(password))
