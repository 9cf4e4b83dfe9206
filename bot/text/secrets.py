"""What a secret looks like: forms that issuers give to their tokens, and places that hold nothing but secrets.

Each rule is one re2 pattern over UTF-8 bytes with exactly one group, the part that is replaced. Forms are from the
issuers' own documentation and GitHub's list of secret scanning patterns; GitHub's installation tokens are about 520
characters with dots since April 2026. A rule must be exact enough to say nothing of ordinary logs.
"""

TOKENS: dict[str, str] = {
    "github": r"(gh[opru]_[A-Za-z0-9]{36,}|ghs_[A-Za-z0-9._-]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "anthropic": r"(sk-ant-[A-Za-z0-9_-]{20,})",
    "openai": r"\b(sk-[A-Za-z0-9]{32,}|sk-(?:proj|svcacct|admin|or-v1|None)-[A-Za-z0-9_-]{20,})",
    "aws": r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
    "slack": r"(xox[abeoprsc]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}|xoxe\.xox[bp]-\d-[A-Za-z0-9]{20,})",
    "slack-hook": r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_+-]{20,})",
    "npm": r"\b(npm_[A-Za-z0-9]{36,})",
    "pypi": r"(pypi-AgE[A-Za-z0-9_-]{16,})",
    "google": r"(AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9._-]{20,}|GOCSPX-[A-Za-z0-9_-]{28})",
    "stripe": r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
    "sendgrid": r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})",
    "gitlab": r"\b(gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_-]{20,}(?:\.[a-z0-9.]+)?)",
    "telegram": r"\b(\d{8,10}:AA[A-Za-z0-9_-]{33})\b",
    "jwt": r"\b(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
    "huggingface": r"\b(hf_[A-Za-z0-9]{30,})",
    "docker": r"(dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,})",
    "digitalocean": r"\b(do[opr]_v1_[a-f0-9]{64})",
    "databricks": r"\b(dapi[a-f0-9]{32}(?:-\d)?)\b",
    "vault": r"\b(hv[sbr]\.[A-Za-z0-9_-]{24,})",
    "terraform": r"\b([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,})",
    "shopify": r"\b(shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32})",
    "mailgun": r"\b(key-[0-9a-f]{32})\b",
    "mailchimp": r"\b([0-9a-f]{32}-us\d{1,2})\b",
    "twilio": r"\b(SK[0-9a-f]{32})\b",
    "discord": r"\b([MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,})",
    "discord-hook": r"discord(?:app)?\.com/api/webhooks/\d+/([A-Za-z0-9_-]{60,})",
    "rubygems": r"\b(rubygems_[a-f0-9]{48})",
    "nuget": r"\b(oy2[a-z0-9]{43})\b",
    "crates": r"\b(cio[A-Za-z0-9]{32})\b",
    "sentry": r"(sntry[su]_[A-Za-z0-9_+/=-]{40,})",
    "atlassian": r"(ATATT3[A-Za-z0-9_=-]{60,})",
    "grafana": r"\b(gl(?:sa|c)_[A-Za-z0-9+/=_]{32,})",
    "postman": r"(PMAK-[a-f0-9]{24}-[a-f0-9]{34})",
    "newrelic": r"\b(NRAK-[A-Z0-9]{27})",
    "linear": r"\b(lin_api_[A-Za-z0-9]{40})",
    "age": r"(AGE-SECRET-KEY-1[A-Z0-9]{58})",
    "planetscale": r"\b(pscale_(?:tkn|pw|oauth)_[A-Za-z0-9._=-]{32,})",
    "groq-xai": r"\b((?:gsk|xai)[_-][A-Za-z0-9]{48,})",
}

PLACES: dict[str, str] = {
    "private-key": (
        r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"|-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:\s+(?:\S+Z )?[A-Za-z0-9+/=]{16,})*)"
    ),
    "authorization": (
        r"(?i:authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token|digest|apikey|negotiate)\s+)([^\s\"',;]{6,})"
    ),
    "bare-authorization": (
        r"(?i:(?:authorization|x-api-key|private-token|x-vault-token)[\"']?\s*:\s*[\"']?)([A-Za-z0-9+/=._-]{20,})"
    ),
    "userinfo": r"://[^\s/:@\"']*:([^\s/@\"']{3,})@",
    "token-userinfo": r"\bhttps?://([A-Za-z0-9_-]{20,})@",
    "aws-secret": r"(?i:aws_?secret_?(?:access_?)?key[\"']?\s*[:=]\s*[\"']?)([A-Za-z0-9/+=]{40})",
    "aws-session": r"(?i:aws_?session_?token[\"']?\s*[:=]\s*[\"']?)([A-Za-z0-9/+=]{100,})",
    "azure-key": r"AccountKey=([A-Za-z0-9+/=]{80,})",
    "signed-url": (r"[?&](?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=([A-Za-z0-9%+/=_-]{20,})"),
    "npmrc": r"_(?:authToken|auth|password)\s*=\s*[\"']?([A-Za-z0-9+/=._-]{16,})",
    "netrc": r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S{4,})",
    "curl-user": r"\bcurl\s[^\n]*?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:([^\s\"']{4,})",
    "mask": r"::add-mask::([^\s][^\r\n]*)",
    "assignment": (
        r"(?i:(?:password|passwd|secret|token|api_?key|access_?key|private_?key)[\"']?\s*[:=]\s*[\"']?)"
        r"([A-Za-z0-9+/_=.~-]{32,})"
    ),
}
