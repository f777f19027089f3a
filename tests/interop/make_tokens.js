"use strict";
// Prints, as JSON, tokens made by jsonwebtoken: the authentication guide's program, and what its readers
// change in it. To record them anew, in this folder:
//   npm install --no-package-lock && node make_tokens.js > jsonwebtoken.json

const { generateKeyPairSync, createSecretKey } = require("node:crypto");
const jwt = require("jsonwebtoken");
const { version } = require("jsonwebtoken/package.json");

const SECRETS = {
  guide: { secret: "your-api-secret", algorithm: "HS256" },
  HS256: { secret: "interop: thirty-two bytes and more", algorithm: "HS256" },
  HS384: { secret: "interop: forty-eight bytes are what SHA-384 asks for", algorithm: "HS384" },
  HS512: { secret: "interop: sixty-four bytes are what SHA-512 asks for, and this is that", algorithm: "HS512" },
  current: { secret: "interop: the newer of two secrets, by its kid", algorithm: "HS256", kid: "2026-11" },
  umlauts: { secret: "Größere Schlüssel für bäuerliche Öfen", algorithm: "HS256", kid: "ü" },
};

const now = Math.floor(Date.now() / 1000);
const hour = 60 * 60;

const claims = {
  sub: "user_123",
  iss: "your-tenant-id",
  aud: "your-application-id",
  iat: now,
  exp: now + hour,
  scope: ["read", "write"],
};

function guide() {
  const API_SECRET = SECRETS.guide.secret;

  return jwt.sign(
    {
      // Standard claims
      sub: "user_123", // Subject (user ID)
      iss: "your-tenant-id", // Issuer (your tenant)
      aud: "your-application-id", // Audience (your project)
      iat: Math.floor(Date.now() / 1000), // Issued at (current time)
      exp: Math.floor(Date.now() / 1000) + 60 * 60, // Expiration (1 hour)
      // Custom claims for gamification
      scope: ["read", "write"],
    },
    API_SECRET
  );
}

// undefined drops a claim: JSON has no word for it.
function sign(changes, options, secret = SECRETS.HS256.secret) {
  return jwt.sign(JSON.parse(JSON.stringify({ ...claims, ...changes })), secret, options);
}

// Everything that jsonwebtoken can set by option is left out of the claims.
function signByOptions(options, secret = SECRETS.HS256.secret) {
  const named = { subject: "user_123", issuer: "your-tenant-id", audience: "your-application-id" };
  return jwt.sign({ scope: ["read"] }, secret, { expiresIn: "1h", ...named, ...options });
}

function withForeignKey(algorithm) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return sign({}, { algorithm }, privateKey);
}

const tokens = {
  guide: guide(),
  hs256: sign({}, { algorithm: "HS256" }),
  hs384: sign({}, { algorithm: "HS384" }, SECRETS.HS384.secret),
  hs512: sign({}, { algorithm: "HS512" }, SECRETS.HS512.secret),
  secret_as_buffer: sign({}, {}, Buffer.from(SECRETS.HS256.secret)),
  secret_as_key_object: sign({}, {}, createSecretKey(SECRETS.HS256.secret, "utf8")),
  secret_with_umlauts: sign({}, {}, SECRETS.umlauts.secret),
  kid_with_umlauts: sign({}, { keyid: "ü" }, SECRETS.umlauts.secret),
  subject_with_umlauts: sign({ sub: "Jürgen Groß 🎲" }),

  scope_array: sign({ scope: ["read", "events:write"] }),
  scope_text: sign({ scope: "read events:write" }),
  scope_absent: sign({ scope: undefined }),
  scope_null: sign({ scope: null }),
  scope_empty: sign({ scope: [] }),
  scope_with_blank: sign({ scope: ["read write"] }),

  expires_in: signByOptions({}),
  expires_in_seconds: signByOptions({ expiresIn: 90 }),
  not_before_now: signByOptions({ notBefore: 0 }),
  not_before_soon: signByOptions({ notBefore: "30s" }),
  not_before_later: signByOptions({ notBefore: "10m" }),
  jwtid: signByOptions({ jwtid: "8c2f0e1a" }),
  keyid: signByOptions({ keyid: "2026-11" }, SECRETS.current.secret),
  keyid_of_other_secret: signByOptions({ keyid: "2026-11" }, SECRETS.umlauts.secret),
  keyid_unknown: signByOptions({ keyid: "2019-01" }, SECRETS.current.secret),
  audience_array: signByOptions({ audience: ["your-application-id", "https://elsewhere.example"] }),
  audience_twice: signByOptions({ audience: ["your-application-id", "your-application-id"] }),
  audience_array_of_two_applications: signByOptions({ audience: ["your-application-id", "your-other-id"] }),
  type_access_token: signByOptions({ header: { typ: "at+jwt" } }),
  type_other: signByOptions({ header: { typ: "logout+jwt" } }),
  critical_header: signByOptions({ header: { crit: ["exp"] } }),

  wrong_secret: sign({}, {}, "interop: a secret that the API never saw"),
  secret_base64_decoded: sign({}, {}, Buffer.from(SECRETS.HS256.secret, "base64")),
  secret_trailing_newline: sign({}, {}, SECRETS.HS256.secret + "\n"),
  right_secret_wrong_algorithm: sign({}, { algorithm: "HS512" }),
  unknown_issuer: sign({ iss: "another-tenant" }),
  rs256: withForeignKey("RS256"),
  none: jwt.sign(claims, "", { algorithm: "none" }),
  unknown_audience: sign({ aud: "no-such-application" }),
  wrong_secret_and_expired: sign({ iat: now - hour, exp: now - 1 }, {}, "interop: a secret that the API never saw"),

  expired: sign({ iat: now - hour, exp: now - 1 }),
  expired_by_option: signByOptions({ expiresIn: "-1s" }),
  thirty_days: signByOptions({ expiresIn: "30d" }),
  issued_in_milliseconds: sign({ iat: Date.now() }),
  expires_in_milliseconds: sign({ exp: Date.now() + hour * 1000 }),

  without_sub: sign({ sub: undefined }),
  without_iss: sign({ iss: undefined }),
  without_aud: sign({ aud: undefined }),
  without_iat: sign({ iat: undefined }, { noTimestamp: true }),
  without_exp: sign({ exp: undefined }),
  sub_null: sign({ sub: null }),
  sub_number: sign({ sub: 123 }),
  nothing_but_sub: jwt.sign({ sub: "user_123" }, SECRETS.HS256.secret),
  text_payload: jwt.sign("user_123", SECRETS.HS256.secret),
};

console.log(JSON.stringify({ jsonwebtoken: version, clock: now, keys: Object.values(SECRETS), tokens }, null, 2));
