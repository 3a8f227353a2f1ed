require "openssl"

# body: the bytes as they came, never parsed and rewritten JSON.
def genuine?(secret, headers, body)
  key = secret.delete_prefix("whsec_").unpack1("m")
  signed = "#{headers["webhook-id"]}.#{headers["webhook-timestamp"]}.#{body}"
  expected = "v1," + [OpenSSL::HMAC.digest("SHA256", key, signed)].pack("m0")
  recent = (Time.now.to_i - headers["webhook-timestamp"].to_i).abs <= 300
  key.bytesize >= 24 && recent && headers["webhook-signature"].split(" ").any? do |given|
    given.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(given, expected)
  end
end
