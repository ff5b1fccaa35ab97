// Challenges: strict base64, decoded where it lies, and the mechanisms that answer.
#include "postrider/sasl.hpp"

#include "expect.hpp"
#include "postrider/sasl_challenge.hpp"
#include "postrider/sasl_token.hpp"

#include <algorithm>
#include <string>

using namespace postrider;

static std::string encoded(std::string_view octets) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        char four[4];
        base64_encode_group(octets.data() + i,
                            static_cast<unsigned>(std::min<std::size_t>(3, octets.size() - i)), four);
        out.append(four, 4);
    }
    return out;
}

// No hash, but something that depends on every octet, for that is all that is asked of it here.
static bool mix(void*, std::string_view key, const text_parts& message, unsigned char* mac) noexcept {
    std::uint64_t state = 14695981039346656037U;
    const auto add = [&state](std::string_view text) {
        for (const char c : text) {
            state = (state ^ static_cast<unsigned char>(c)) * 1099511628211U;
        }
    };
    add(key);
    for (unsigned i = 0; message.at(message.of, i).data() != nullptr; ++i) {
        add(message.at(message.of, i));
    }
    for (unsigned i = 0; i < 16; ++i) {
        mac[i] = static_cast<unsigned char>(state >> (8 * (i % 8)));
    }
    return true;
}

static bool mix_twice(void* context, std::string_view key, const text_parts& message,
                      unsigned char* mac) noexcept {
    return mix(context, key, message, mac) && mix(context, key, message, mac + 16);
}

static bool mix_text(void*, std::string_view text, unsigned char* digest) noexcept {
    std::fill_n(digest, 32, text.empty() ? '\0' : static_cast<unsigned char>(text[0]));
    return true;
}

static std::string response_of(const mechanism& m) {
    std::string all;
    for (unsigned i = 0; m.part(i).data() != nullptr; ++i) {
        all += m.part(i);
    }
    return all;
}

static void scram(const std::string& text) {
    const random_port same{nullptr, [](void*, unsigned char* to, std::size_t size) noexcept {
                               std::fill_n(to, size, '\0');
                               return true;
                           }};
    const std::string own(24, 'A');
    for (const std::string& first :
         {text, "r=" + own + text, "r=" + own + "x,s=" + text, "r=" + own + "x,s=YQ==,i=" + text}) {
        scram_sha_256_mechanism m{text, text, {nullptr, mix_twice, mix_text, nullptr}, same, {1, 100}};
        EXPECT(m.start());
        EXPECT(response_of(m).rfind(",r=" + own) != std::string::npos);
        const bool answered = m.respond(first) == errc::ok;
        EXPECT(!m.may_finish());
        EXPECT(response_of(m).empty() != answered);
        EXPECT(!answered || response_of(m).rfind("c=biws,r=" + own, 0) == 0);
        // What the fuzzer says is not the signature, but for the one chance in very many.
        EXPECT(m.respond("v=" + text) == errc::auth_challenge && !m.may_finish());
    }
}

static void tokens(const std::string& text) {
    oauthbearer_mechanism bearer{text, text, text, text};
    xoauth2_mechanism x{text, text};
    EXPECT(!bearer.start() || is_bearer_token(text));
    EXPECT(x.start() == is_bearer_token(text));
    const std::string shown = response_of(x);
    EXPECT(shown.empty() || std::count(shown.begin(), shown.end(), '\1') == 3);
    EXPECT((x.respond(text) == errc::ok) == is_bearer_token(text) && !x.may_finish());
    cram_md5_mechanism cram{text, text, {nullptr, mix, nullptr, nullptr}};
    cram.start();
    EXPECT((cram.respond(text) == errc::ok) == !text.empty());
    EXPECT(cram.respond(text) == errc::auth_challenge);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{reinterpret_cast<const char*>(data), size};
    std::string back = encoded(text);
    EXPECT(base64_decode_in_place(back.data(), back.size()) == static_cast<std::ptrdiff_t>(size));
    EXPECT(back.substr(0, size) == text);

    std::string decoded = text;
    const std::ptrdiff_t n = base64_decode_in_place(decoded.data(), size);
    if (n >= 0) {
        EXPECT(encoded(std::string_view{decoded}.substr(0, static_cast<std::size_t>(n))) == text);
    }
    plain_mechanism plain{"user", "password"};
    plain.start();
    EXPECT(plain.respond(text) == errc::auth_challenge);
    login_mechanism login{"user", "password"};
    login.start();
    EXPECT(login.respond(text) == errc::ok && !login.may_finish());
    const std::string_view first = login.part(0);
    EXPECT(login.respond(text) == errc::ok && login.may_finish());
    EXPECT(login.part(0) != first && login.respond(text) == errc::auth_challenge);
    scram(text);
    tokens(text);
    return 0;
}
