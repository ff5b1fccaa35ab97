#include "postrider/sasl_challenge.hpp"
#include "postrider/sasl_token.hpp"
#include "sasl_hashes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace postrider;
using namespace std::string_literals;

std::string response_of(const mechanism& m) {
    std::string all;
    for (unsigned i = 0; m.part(i).data() != nullptr; ++i) {
        all += m.part(i);
    }
    return all;
}

std::string decoded(std::string base64) {
    base64.resize(static_cast<std::size_t>(base64_decode_in_place(base64.data(), base64.size())));
    return base64;
}

std::string encoded(std::string_view octets) {
    std::string out(octets.size() * 2 + 4, '\0');
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                        reinterpret_cast<const unsigned char*>(octets.data()),
                                                        static_cast<int>(octets.size()))));
    return out;
}

// RFC 2195 2.
TEST(cram_md5, is_that_of_rfc_2195) {
    cram_md5_mechanism m{"tim", "tanstaaftanstaaf", test::md5()};
    EXPECT_EQ(m.name(), "CRAM-MD5");
    EXPECT_TRUE(m.needs_secure_line());
    for (int round = 0; round < 2; ++round) {
        EXPECT_FALSE(m.start());
        EXPECT_FALSE(m.may_finish());
        EXPECT_EQ(m.respond("<1896.697170952@postoffice.reston.mci.net>"), errc::ok);
        EXPECT_EQ(response_of(m), "tim b913a602c7eda7a495b4e6e7334d3890");
        EXPECT_TRUE(m.may_finish());
        EXPECT_EQ(m.respond("<1896.697170952@postoffice.reston.mci.net>"), errc::auth_challenge);
    }
}

TEST(cram_md5, fails_without_a_challenge_or_a_hash) {
    cram_md5_mechanism m{"tim", "x", test::md5()};
    m.start();
    EXPECT_EQ(m.respond(""), errc::auth_challenge);
    EXPECT_FALSE(m.may_finish());
    cram_md5_mechanism none{"tim", "x", {}};
    none.start();
    EXPECT_EQ(none.respond("c"), errc::auth_challenge);
    hash_port broken;
    broken.hmac = [](void*, std::string_view, const text_parts&, unsigned char*) noexcept { return false; };
    cram_md5_mechanism failing{{}, {}, broken};
    failing.start();
    EXPECT_EQ(failing.respond("c"), errc::auth_challenge);
}

// RFC 7677's example has a nonce of 20 characters and ours have 24, so exchanges are compared with a
// reckoning of their own, by OpenSSL over texts put together here, and that with the example.
std::string proof_by_hand(const std::string& password, const std::string& salt, int iterations,
                          const std::string& first_bare, const std::string& server_first,
                          const std::string& final_bare, std::string& signature) {
    const auto hmac = [](const std::string& key, const std::string& text) {
        std::string mac(32, '\0');
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(),
             reinterpret_cast<unsigned char*>(mac.data()), nullptr);
        return mac;
    };
    std::string salted(32, '\0');
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                      reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                      iterations, EVP_sha256(), 32, reinterpret_cast<unsigned char*>(salted.data()));
    const std::string client_key = hmac(salted, "Client Key");
    std::string stored(32, '\0');
    EVP_Digest(client_key.data(), 32, reinterpret_cast<unsigned char*>(stored.data()), nullptr, EVP_sha256(),
               nullptr);
    const std::string message = first_bare + "," + server_first + "," + final_bare;
    std::string proof = hmac(stored, message);
    for (std::size_t i = 0; i < 32; ++i) {
        proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    }
    signature = encoded(hmac(hmac(salted, "Server Key"), message));
    return encoded(proof);
}

TEST(scram_sha_256, the_reckoning_it_is_compared_with_is_that_of_rfc_7677) {
    std::string signature;
    const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    EXPECT_EQ(
        proof_by_hand("pencil", decoded("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096, "n=user,r=rOprNGfwEbeRWgbNEkqO",
                      "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "c=biws,r=" + nonce, signature),
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_EQ(signature, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

struct exchange {
    std::string user = "user", escaped = "user", password = "pencil";
    std::string octets = "eighteen octets!!!";
    std::string own = encoded(octets), server_part = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                salt = "a salt of octets", tail;
    int iterations = 4096;
    hash_port hash = test::sha256();

    scram_sha_256_mechanism mechanism() {
        return scram_sha_256_mechanism{user, password, hash, test::given(octets)};
    }
    std::string server_first() const {
        return "r=" + own + server_part + ",s=" + encoded(salt) + ",i=" + std::to_string(iterations) + tail;
    }
    std::string client_final(std::string& signature) const {
        const std::string bare = "c=biws,r=" + own + server_part;
        return bare + ",p=" +
               proof_by_hand(password, salt, iterations, "n=" + escaped + ",r=" + own, server_first(), bare,
                             signature);
    }
};

void expect_whole(exchange x) {
    scram_sha_256_mechanism m = x.mechanism();
    std::string signature;
    const std::string final = x.client_final(signature);
    for (int round = 0; round < 2; ++round) {
        EXPECT_TRUE(m.start());
        EXPECT_EQ(response_of(m), "n,,n=" + x.escaped + ",r=" + x.own);
        EXPECT_FALSE(m.may_finish());
        ASSERT_EQ(m.respond(x.server_first()), errc::ok) << x.server_first();
        EXPECT_EQ(response_of(m), final);
        EXPECT_FALSE(m.may_finish());
        ASSERT_EQ(m.respond("v=" + signature), errc::ok);
        EXPECT_EQ(response_of(m), "");
        EXPECT_TRUE(m.may_finish());
        EXPECT_EQ(m.respond("v=" + signature), errc::auth_challenge);
        EXPECT_FALSE(m.may_finish());
    }
}

TEST(scram_sha_256, goes_all_the_way) {
    expect_whole({});
    exchange escaped;
    escaped.user = ",a==b,";
    escaped.escaped = "=2Ca=3D=3Db=2C";
    escaped.password = "pä, =\"";
    expect_whole(escaped);
    exchange empty;
    empty.user = empty.escaped = empty.password = "";
    expect_whole(empty);
    exchange longest;
    longest.server_part = std::string(160 - 24, '~');
    longest.salt = std::string(66, 's');
    longest.iterations = 10'000;
    longest.tail = ",x=an extension";
    expect_whole(longest);
}

TEST(scram_sha_256, takes_pbkdf2_from_who_has_it) {
    exchange x;
    x.hash.pbkdf2 = [](void*, std::string_view password, std::string_view salt, std::uint32_t iterations,
                       unsigned char* key) noexcept {
        return PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                 reinterpret_cast<const unsigned char*>(salt.data()),
                                 static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                                 32, key) == 1;
    };
    expect_whole(x);
}

TEST(scram_sha_256, refuses_first_messages_that_are_wrong) {
    exchange x;
    const std::string good = x.server_first();
    std::vector<std::string> wrong = {"",
                                      "r=",
                                      "e=other-error",
                                      "m=x," + good,
                                      "x" + good,
                                      "r=" + x.own + ",s=YQ==,i=4096",
                                      "r=" + x.own.substr(1) + "xy,s=YQ==,i=4096",
                                      "r=X" + x.own.substr(1) + "xy,s=YQ==,i=4096",
                                      "r=" + x.own + "\x7f,s=YQ==,i=4096",
                                      "r=" + x.own + " ,s=YQ==,i=4096",
                                      "r=" + x.own + std::string(137, '~') + ",s=YQ==,i=4096",
                                      "r=" + x.own + "x,s=,i=4096",
                                      "r=" + x.own + "x,s=YQ=,i=4096",
                                      "r=" + x.own + "x,s=!!==,i=4096",
                                      "r=" + x.own + "x,s=" + encoded(std::string(67, 's')) + ",i=4096",
                                      "r=" + x.own + "x,i=4096,s=YQ=="};
    for (const char* iterations : {"", "0", "1", "4095", "04096", "+4096", "4096x", "1000001", "4294971392",
                                   "-4096", "99999999999999999999999"}) {
        wrong.push_back("r=" + x.own + "x,s=YQ==,i=" + iterations);
    }
    for (const std::string& message : wrong) {
        scram_sha_256_mechanism m = x.mechanism();
        m.start();
        EXPECT_EQ(m.respond(message), errc::auth_challenge) << message;
        EXPECT_EQ(response_of(m), "") << message;
        EXPECT_EQ(m.respond(good), errc::auth_challenge) << "no second chance";
        EXPECT_FALSE(m.may_finish());
    }
}

TEST(scram_sha_256, refuses_a_server_that_does_not_know_the_password) {
    exchange x;
    std::string signature;
    x.client_final(signature);
    std::vector<std::string> wrong = {"",
                                      "v=",
                                      "e=invalid-proof",
                                      "v=" + signature + "AAAA",
                                      signature,
                                      "v=" + signature.substr(0, 43) + "!",
                                      "v=" + signature.substr(0, 40)};
    for (std::size_t i = 0; i < 43; ++i) {
        std::string other = signature;
        other[i] = other[i] == 'A' ? 'E' : 'A';
        wrong.push_back("v=" + other);
    }
    for (const std::string& message : wrong) {
        scram_sha_256_mechanism m = x.mechanism();
        m.start();
        ASSERT_EQ(m.respond(x.server_first()), errc::ok);
        EXPECT_EQ(m.respond(message), errc::auth_challenge) << message;
        EXPECT_FALSE(m.may_finish()) << message;
    }
}

// Each call of a port, in turn, fails.
struct failing {
    int left;
    static bool hmac(void* context, std::string_view key, const text_parts& message,
                     unsigned char* mac) noexcept {
        return static_cast<failing*>(context)->left-- > 0 && test::hmac_by(EVP_sha256(), key, message, mac);
    }
    static bool hash(void* context, std::string_view text, unsigned char* digest) noexcept {
        return static_cast<failing*>(context)->left-- > 0 && test::sha256().hash(nullptr, text, digest);
    }
};

TEST(scram_sha_256, ends_when_a_port_fails) {
    exchange x;
    const int calls =
        4096 + 1 + 1 + 1 + 1 + 1; // PBKDF2, client key, its hash, signature, server key, signature
    for (const int fails_at : {0, 1, 4095, 4096, 4097, 4098, 4099, 4100, calls}) {
        failing f{fails_at};
        x.hash = {&f, failing::hmac, failing::hash, nullptr};
        scram_sha_256_mechanism m = x.mechanism();
        ASSERT_TRUE(m.start());
        EXPECT_EQ(m.respond(x.server_first()), fails_at < calls ? errc::auth_challenge : errc::ok)
            << fails_at;
    }
    x.hash = test::sha256();
    x.octets.pop_back(); // the random source runs dry
    scram_sha_256_mechanism m = x.mechanism();
    EXPECT_FALSE(m.start());
    EXPECT_EQ(m.respond(x.server_first()), errc::auth_challenge);
    scram_sha_256_mechanism nothing{"u", "p", {}, {}};
    EXPECT_FALSE(nothing.start());
    EXPECT_TRUE(nothing.needs_secure_line());
    EXPECT_EQ(nothing.name(), "SCRAM-SHA-256");
}

// RFC 7628 4.1 and 4.3.
TEST(oauthbearer, is_that_of_rfc_7628) {
    oauthbearer_mechanism m{"user@example.com",
                            "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "server.example.com", "587"};
    EXPECT_EQ(m.name(), "OAUTHBEARER");
    EXPECT_TRUE(m.needs_secure_line());
    EXPECT_FALSE(m.may_finish());
    EXPECT_TRUE(m.start());
    EXPECT_TRUE(m.may_finish());
    EXPECT_EQ(encoded(response_of(m)),
              "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9"
              "QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
    EXPECT_EQ(m.respond(R"({"status":"invalid_token","scope":"example_scope"})"), errc::ok);
    EXPECT_EQ(encoded(response_of(m)), "AQ==");
    EXPECT_FALSE(m.may_finish());
    EXPECT_EQ(m.respond(""), errc::auth_challenge);
}

TEST(oauthbearer, needs_neither_host_nor_port) {
    const auto response = [](oauthbearer_mechanism m) {
        EXPECT_TRUE(m.start());
        return response_of(m);
    };
    EXPECT_EQ(response({"a,b=c", "t"}), "n,a=a=2Cb=3Dc,\1auth=Bearer t\1\1");
    EXPECT_EQ(response({"u", "t", "h"}), "n,a=u,\1host=h\1auth=Bearer t\1\1");
    EXPECT_EQ(response({"u", "t", {}, "25"}), "n,a=u,\1port=25\1auth=Bearer t\1\1");
}

TEST(xoauth2, is_as_its_inventors_say) {
    xoauth2_mechanism m{"someuser@example.com", "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="};
    EXPECT_EQ(m.name(), "XOAUTH2");
    EXPECT_TRUE(m.needs_secure_line());
    EXPECT_TRUE(m.start());
    EXPECT_TRUE(m.may_finish());
    EXPECT_EQ(encoded(response_of(m)),
              "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja0JoZEhS"
              "aGRtbHpkR0V1WTI5dENnPT0BAQ==");
    EXPECT_EQ(m.respond("{}"), errc::ok);
    EXPECT_EQ(response_of(m), "");
    EXPECT_FALSE(m.may_finish());
    EXPECT_EQ(m.respond("{}"), errc::auth_challenge);
}

TEST(tokens, that_could_say_more_than_a_token_are_never_sent) {
    for (const std::string token : {"", "=", "==", "a b", "a\1b", "a\nb", "a=b", "\xc3\xa4", "a,b"}) {
        EXPECT_FALSE(is_bearer_token(token)) << token;
        oauthbearer_mechanism bearer{"u", token};
        EXPECT_FALSE(bearer.start());
        EXPECT_EQ(response_of(bearer), "");
        EXPECT_EQ(bearer.respond(""), errc::auth_challenge);
        xoauth2_mechanism x{"u", token};
        EXPECT_FALSE(x.start());
        EXPECT_EQ(response_of(x), "");
        EXPECT_EQ(x.respond(""), errc::auth_challenge);
        EXPECT_FALSE(bearer.may_finish() || x.may_finish());
    }
    EXPECT_TRUE(is_bearer_token("aZ09-._~+/=="));
    EXPECT_FALSE(xoauth2_mechanism("u\1auth=Bearer x", "t").start());
    EXPECT_FALSE(oauthbearer_mechanism("u\1", "t").start());
    EXPECT_FALSE(oauthbearer_mechanism("u", "t", "h\1").start());
    EXPECT_FALSE(oauthbearer_mechanism("u", "t", "h", "\1").start());
}

} // namespace
