#include "known_trust.hpp"

#include "identity.hpp"

namespace postrider::line {

namespace {

bool read_lists(X509_STORE& store, const std::string& file) {
    X509_LOOKUP* const lookup = X509_STORE_add_lookup(&store, X509_LOOKUP_file());
    return lookup != nullptr && X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) > 0;
}

trust read(const tls_options& options, std::string& why) {
    trust store(X509_STORE_new(), X509_STORE_free);
    if (!store) {
        why = "TLS cannot be set up: " + take_openssl_error();
    } else if (!options.ca_file.empty() && X509_STORE_load_file(store.get(), options.ca_file.c_str()) != 1) {
        why = unusable("the CA file", options.ca_file);
    } else if (!options.ca_path.empty() && X509_STORE_load_path(store.get(), options.ca_path.c_str()) != 1) {
        why = unusable("the CA folder", options.ca_path);
    } else if (!options.crl_file.empty() && !read_lists(*store, options.crl_file)) {
        why = unusable("the revocation list", options.crl_file);
    } else {
        // With pins nothing else is looked at.
        if (options.ca_file.empty() && options.ca_path.empty() && options.fingerprints.empty()) {
            X509_STORE_set_default_paths(store.get());
        }
        return store;
    }
    return nullptr;
}

} // namespace

known_trust& known_trust::shared() {
    // Never destroyed: a client of static storage may outlive any other static object.
    static known_trust& of_the_process = *new known_trust;
    return of_the_process;
}

trust known_trust::load(const tls_options& options, std::string& why) {
    const std::lock_guard lock(mutex_); // also while one is read: the others would read the same
    std::string key = trust_of(options);
    if (trust held = held_[key].lock()) {
        return held;
    }
    std::erase_if(held_, [](const auto& each) { return each.second.expired(); });
    trust store = read(options, why);
    if (store) {
        held_[std::move(key)] = store;
    }
    return store;
}

} // namespace postrider::line
