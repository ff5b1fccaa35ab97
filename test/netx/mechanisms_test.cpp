// A build with the mechanisms beyond PLAIN and LOGIN; what they need of cryptography is OpenSSL's here.
#include "smtp_fixture.hpp"

#include <openssl/hmac.h>

#include <cstring>

namespace {

using namespace test;

std::string hmac(const EVP_MD* md, const std::string& key, const std::string& text) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(md, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), mac, &size);
    return {reinterpret_cast<const char*>(mac), size};
}

std::string sha256(const std::string& text) {
    std::string digest(32, '\0');
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
               EVP_sha256(), nullptr);
    return digest;
}

// The device's cryptography: counts its calls, and the one of that number fails.
struct device {
    const EVP_MD* md = nullptr;
    std::string key, text;
    int calls = 0;
    int fails_at = 0;

    UINT step() { return ++calls == fails_at ? UINT{NX_NOT_SUCCESSFUL} : success; }
    static device& of(VOID* context) { return *static_cast<device*>(context); }
    static std::string string_of(const UCHAR* octets, UINT size) {
        return {reinterpret_cast<const char*>(octets), size};
    }

    static UINT begin(VOID* context, UINT hash, const UCHAR* key, UINT size) {
        device& d = of(context);
        d.md = hash == NX_SMTP_HASH_MD5 ? EVP_md5() : EVP_sha256();
        d.key = string_of(key, size);
        d.text.clear();
        return d.step();
    }
    static UINT update(VOID* context, const UCHAR* part, UINT size) {
        of(context).text += string_of(part, size);
        return of(context).step();
    }
    static UINT end(VOID* context, UCHAR* mac) {
        const std::string made = hmac(of(context).md, of(context).key, of(context).text);
        std::memcpy(mac, made.data(), made.size());
        return of(context).step();
    }
    static UINT hash(VOID* context, const UCHAR* octets, UINT size, UCHAR* digest) {
        const std::string made = sha256(string_of(octets, size));
        std::memcpy(digest, made.data(), made.size());
        return of(context).step();
    }
    static UINT random(VOID* context, UCHAR* to, UINT size) {
        std::memset(to, 0, size); // so that the test knows the nonce
        return of(context).step();
    }
};

class mechanisms : public smtp {
  protected:
    /// Talks as that user; `lent`: whether the client has cryptography.
    dialogue talk_with(const account& who, UINT expected, bool lent = true) {
        create(who);
        if (lent) {
            EXPECT_EQ(nx_smtp_client_crypto_set(&client, &crypto), success);
        }
        EXPECT_EQ(send(), expected);
        return server.heard();
    }

    device chip;
    const NX_SMTP_CLIENT_CRYPTO crypto{&chip,       device::begin, device::update,
                                       device::end, device::hash,  device::random};
};

constexpr account with_cram{"tim", "tanstaaftanstaaf", NX_SMTP_CLIENT_AUTH_CRAM_MD5};
constexpr account with_scram{"user", "pencil", NX_SMTP_CLIENT_AUTH_SCRAM_SHA_256};
const lines sent{"EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"};

// RFC 2195 2.
TEST_F(mechanisms, cram_md5) {
    server.offer({"AUTH PLAIN LOGIN CRAM-MD5"});
    server.on("AUTH", {"334 " + base64("<1896.697170952@postoffice.reston.mci.net>") + "\r\n"});
    server.on("RESPONSE", {"235 ok\r\n"});
    const auto heard = talk_with(with_cram, success);
    EXPECT_EQ(heard.credentials, "AUTH CRAM-MD5 " + base64("tim b913a602c7eda7a495b4e6e7334d3890"));
    EXPECT_EQ(heard.contents.size(), 1U);
}

TEST_F(mechanisms, none_gives_way_to_a_weaker_one) {
    for (const account& who : {with_cram, with_scram}) {
        for (const lines& listed : {lines{"AUTH PLAIN LOGIN"}, lines{}}) {
            server.offer(listed);
            const auto heard = talk_with(who, NX_SMTP_AUTH_REPLY_ERROR);
            EXPECT_EQ(words(heard), (lines{"EHLO", "QUIT"}));
        }
    }
}

struct scram {
    const std::string own = std::string(24, 'A'); // eighteen zero octets
    const std::string salt = "a salt";
    const std::string first = "r=" + own + "server,s=" + base64(salt) + ",i=4096";
    const std::string message = "n=user,r=" + own + "," + first + ",c=biws,r=" + own + "server";
    std::string salted = std::string(32, '\0');
    scram() {
        PKCS5_PBKDF2_HMAC("pencil", 6, reinterpret_cast<const unsigned char*>(salt.data()),
                          static_cast<int>(salt.size()), 4096, EVP_sha256(), 32,
                          reinterpret_cast<unsigned char*>(salted.data()));
    }
    std::string proof() const {
        const std::string key = hmac(EVP_sha256(), salted, "Client Key");
        std::string proof = hmac(EVP_sha256(), sha256(key), message);
        for (std::size_t i = 0; i < proof.size(); ++i)
            proof[i] = static_cast<char>(proof[i] ^ key[i]);
        return base64(proof);
    }
    std::string signature() const {
        return base64(hmac(EVP_sha256(), hmac(EVP_sha256(), salted, "Server Key"), message));
    }
};

TEST_F(mechanisms, scram_sha_256) {
    const scram s;
    server.offer({"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"});
    server.on("AUTH", {"334 " + base64(s.first) + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("v=" + s.signature()) + "\r\n", "235 ok\r\n"});
    const auto heard = talk_with(with_scram, success);
    EXPECT_EQ(heard.credentials, "AUTH SCRAM-SHA-256 " + base64("n,,n=user,r=" + s.own) + " " +
                                     base64("c=biws,r=" + s.own + "server,p=" + s.proof()) + " ");
    EXPECT_EQ(heard.contents.size(), 1U);
    server.on("RESPONSE",
              {"334 " + base64("v=" + base64(std::string(32, 'x'))) + "\r\n", "501 cancelled\r\n"});
    EXPECT_EQ(talk_with(with_scram, NX_SMTP_AUTH_REPLY_ERROR).contents.size(), 0U) << "not the right server";
    server.on("AUTH", {"334 " + base64("r=" + s.own + "server,s=YQ==,i=100001") + "\r\n"});
    EXPECT_EQ(talk_with(with_scram, NX_SMTP_AUTH_REPLY_ERROR).contents.size(), 0U) << "too much work";
}

TEST_F(mechanisms, fail_with_their_cryptography) {
    const scram s;
    for (const int fails_at : {1, 2, 3, 4, 5, 6}) {
        for (const account& who : {with_cram, with_scram}) {
            const bool is_cram = who.type == NX_SMTP_CLIENT_AUTH_CRAM_MD5;
            server.offer({"AUTH CRAM-MD5 SCRAM-SHA-256"});
            server.on("AUTH", {"334 " + base64(is_cram ? "challenge" : s.first) + "\r\n"});
            server.on("RESPONSE", {"501 cancelled\r\n"});
            chip.calls = 0;
            chip.fails_at = is_cram && fails_at > 3 ? 3 : fails_at;
            const auto heard = talk_with(who, NX_SMTP_AUTH_REPLY_ERROR);
            EXPECT_TRUE(heard.contents.empty());
            EXPECT_EQ(heard.lines.at(heard.lines.size() - 2), "*") << fails_at;
        }
    }
    chip.fails_at = 0;
    for (const account& who : {with_cram, with_scram})
        EXPECT_TRUE(talk_with(who, NX_SMTP_AUTH_REPLY_ERROR, false).contents.empty()) << "nothing was lent";
    NX_SMTP_CLIENT_CRYPTO half = crypto;
    half.nx_smtp_crypto_hmac_end = nullptr;
    EXPECT_EQ(nx_smtp_client_crypto_set(&client, &half), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_crypto_set(&client, nullptr), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_crypto_set(nullptr, &crypto), UINT{NX_PTR_ERROR});
    NX_SMTP_CLIENT none{};
    EXPECT_EQ(nx_smtp_client_crypto_set(&none, &crypto), UINT{NX_SMTP_CLIENT_NOT_INTIALIZED});
}

// What a token opens is open to whoever reads it.
TEST_F(mechanisms, no_token_goes_out_in_clear) {
    for (const UINT type : {UINT{NX_SMTP_CLIENT_AUTH_OAUTHBEARER}, UINT{NX_SMTP_CLIENT_AUTH_XOAUTH2}}) {
        server.offer({"AUTH OAUTHBEARER XOAUTH2 PLAIN"});
        const auto heard = talk_with({"user", "token", type}, NX_SMTP_AUTH_REPLY_ERROR);
        EXPECT_EQ(words(heard), (lines{"EHLO", "QUIT"}));
    }
}

} // namespace
