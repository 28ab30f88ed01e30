//! Which scope of a token each action belongs to.

use super::Action;
use crate::domain::Scope;

impl Action {
    /// The scope that a token must have for it.
    pub fn scope(self) -> Scope {
        match self {
            Self::Queue
            | Self::OwnPenalties
            | Self::AllPenalties
            | Self::ReadLog
            | Self::ViewDossier
            | Self::ViewDocument
            | Self::DownloadDocument
            | Self::ExportDossier
            | Self::ViewCase
            | Self::ViewSealed => Scope::Read,
            Self::Search | Self::ExportSearch => Scope::Search,
            Self::AddDocument => Scope::Upload,
            Self::OpenDossier
            | Self::StartCase
            | Self::ActOnCase
            | Self::AskCase
            | Self::SealDossier
            | Self::UnsealDossier
            | Self::DestroyDossier => Scope::Act,
            Self::ManagePeople | Self::ManageKeys | Self::PublishPack => Scope::Administer,
        }
    }
}
