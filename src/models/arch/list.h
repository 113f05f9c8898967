// SPDX-License-Identifier: MIT
// One line per architecture; models/registry.cpp lists them in the same order.
#pragma once

#include "models/spec.h"

namespace tepui {

const ArchSpec& llama_arch();
const ArchSpec& gpt2_arch();
const ArchSpec& nanogpt_arch();
const ArchSpec& mistral_arch();
const ArchSpec& mixtral_arch();
const ArchSpec& qwen2_arch();
const ArchSpec& qwen3_arch();
const ArchSpec& phi_arch();
const ArchSpec& phi_msft_arch();
const ArchSpec& phi3_arch();
const ArchSpec& gptj_arch();
const ArchSpec& gpt_neox_arch();
const ArchSpec& opt_arch();
const ArchSpec& bloom_arch();
const ArchSpec& falcon_arch();
const ArchSpec& mpt_arch();
const ArchSpec& gemma_arch();
const ArchSpec& gemma2_arch();
const ArchSpec& gemma3_arch();
const ArchSpec& olmo_arch();
const ArchSpec& olmo2_arch();
const ArchSpec& stablelm_arch();
const ArchSpec& cohere_arch();
const ArchSpec& cohere2_arch();
const ArchSpec& tepui_gpt2_arch();
const ArchSpec& tepui_llama_arch();

}  // namespace tepui
