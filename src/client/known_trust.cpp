#include "known_trust.hpp"

#include "identity.hpp"

#include <cstdlib>
#include <utility>

namespace postrider::line {

namespace {

// --- the system's CAs ---

// All of them in one file, which is read when somebody looks for one that is not there yet.
class late_file {
  public:
    late_file(X509_LOOKUP* reader, std::string path) : reader_(reader), path_(std::move(path)) {}

    static X509_LOOKUP_METHOD* method() {
        static X509_LOOKUP_METHOD* const only = [] {
            X509_LOOKUP_METHOD* const made = X509_LOOKUP_meth_new("the system's CAs, read late");
            X509_LOOKUP_meth_set_get_by_subject(made, find);
            X509_LOOKUP_meth_set_free(made, [](X509_LOOKUP* lookup) {
                delete static_cast<late_file*>(X509_LOOKUP_get_method_data(lookup));
            });
            return made;
        }();
        return only;
    }

  private:
    static int find(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name, X509_OBJECT* found) {
        auto* const self = static_cast<late_file*>(X509_LOOKUP_get_method_data(lookup));
        if (self == nullptr || type != X509_LU_X509) {
            return 0;
        }
        std::call_once(self->read_, [self] {
            ERR_set_mark(); // a system without that file has the folder
            X509_load_cert_crl_file(self->reader_, self->path_.c_str(), X509_FILETYPE_PEM);
            ERR_pop_to_mark();
        });
        X509_STORE* const store = X509_LOOKUP_get_store(lookup);
        X509_STORE_lock(store);
        const X509_OBJECT* const known =
            X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, name);
        X509* const ca = known != nullptr ? X509_OBJECT_get0_X509(known) : nullptr;
        const int result = ca != nullptr ? X509_OBJECT_set1_X509(found, ca) : 0;
        if (result == 1) {
            X509_free(ca); // whoever asked counts it; the store has it, too
        }
        X509_STORE_unlock(store);
        return result;
    }

    X509_LOOKUP* reader_;
    std::string path_;
    std::once_flag read_;
};

// The CAs stand in a folder, each under the hash of its name, and once more in one file. OpenSSL would read
// the whole file at once, which takes longer than all the rest of sending a mail. Not so a file that somebody
// has named: it may have a CA of the same name as one in the folder.
void trust_the_system(X509_STORE& store, const std::string& file) {
    X509_LOOKUP* const folder = X509_STORE_add_lookup(&store, X509_LOOKUP_hash_dir());
    X509_LOOKUP* const reader = X509_STORE_add_lookup(&store, X509_LOOKUP_file());
    X509_LOOKUP* const late = X509_STORE_add_lookup(&store, late_file::method());
    X509_LOOKUP* const other = X509_STORE_add_lookup(&store, X509_LOOKUP_store());
    if (folder == nullptr || reader == nullptr || late == nullptr || other == nullptr) {
        return;
    }
    X509_LOOKUP_add_dir(folder, nullptr, X509_FILETYPE_DEFAULT);
    if (::secure_getenv(X509_get_default_cert_file_env()) != nullptr) {
        X509_LOOKUP_load_file(reader, nullptr, X509_FILETYPE_DEFAULT);
    } else {
        X509_LOOKUP_set_method_data(late, new late_file(reader, file));
    }
    X509_LOOKUP_add_store(other, nullptr); // the folder again, for those that are no PEM
    ERR_clear_error();                     // a system may lack either
}

// --- what the options name ---

bool read_lists(X509_STORE& store, const std::string& file) {
    X509_LOOKUP* const lookup = X509_STORE_add_lookup(&store, X509_LOOKUP_file());
    return lookup != nullptr && X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) > 0;
}

trust read(const tls_options& options, const std::string& file_of_the_system, std::string& why) {
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
        if (trusts_the_system(options)) {
            trust_the_system(*store, file_of_the_system);
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
    trust store = read(options, file_of_the_system_, why);
    if (store) {
        held_[std::move(key)] = store;
    }
    return store;
}

} // namespace postrider::line
