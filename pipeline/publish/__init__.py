"""A run's folder on the Hugging Face Hub: what is checked before, what is sent, what is told.

    folder ──contents, viewer, validated──▶ Contents ──push──▶ commit ──▶ URL
                                   repository_card ──▶ README.md ──┘

`hub` alone speaks to the Hub, through `huggingface_hub`.
"""
